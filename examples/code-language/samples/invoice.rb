require 'date'
require 'bigdecimal'

module Billing
  class Invoice
    attr_reader :number, :customer, :lines

    def initialize(number, customer, due_on: Date.today + 30)
      @number = number
      @customer = customer
      @due_on = due_on
      @lines = []
    end

    def add(description, quantity, price)
      @lines << { description: description, quantity: quantity, price: BigDecimal(price.to_s) }
      self
    end

    def total
      lines.map { |line| line[:quantity] * line[:price] }.reduce(0, :+)
    end

    def overdue?
      Date.today > @due_on
    end

    def to_s
      header = "Invoice #{number} for #{customer}"
      body = lines.map do |line|
        format('%-30s %3d x %8.2f', line[:description], line[:quantity], line[:price])
      end
      [header, *body, format('Total: %.2f', total)].join("\n")
    end
  end
end

if __FILE__ == $PROGRAM_NAME
  invoice = Billing::Invoice.new('2020-017', 'Example Ltd.')
  invoice.add('Consulting', 3, 120).add('Travel', 1, '85.50')
  puts invoice
end
