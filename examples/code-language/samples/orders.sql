CREATE TABLE customers (
    id         INTEGER PRIMARY KEY,
    name       VARCHAR(100) NOT NULL,
    country    CHAR(2) NOT NULL
);

CREATE TABLE orders (
    id          INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    placed_on   DATE NOT NULL,
    total       DECIMAL(10, 2) NOT NULL CHECK (total >= 0)
);

CREATE INDEX orders_by_customer ON orders (customer_id, placed_on);

INSERT INTO customers (id, name, country) VALUES
    (1, 'Northwind', 'DE'),
    (2, 'Contoso', 'FR');

-- Customers whose orders of the last year sum up to more than the average.
SELECT c.country,
       c.name,
       COUNT(*)     AS orders,
       SUM(o.total) AS revenue
FROM customers c
INNER JOIN orders o ON o.customer_id = c.id
WHERE o.placed_on >= CURRENT_DATE - INTERVAL '1 year'
GROUP BY c.country, c.name
HAVING SUM(o.total) > (SELECT AVG(total) FROM orders)
ORDER BY revenue DESC
LIMIT 20;
