'use strict';

const input = document.querySelector('#search');
const list = document.querySelector('#results');

function debounce(fn, delay) {
  let timer = null;
  return function (...args) {
    clearTimeout(timer);
    timer = setTimeout(() => fn.apply(this, args), delay);
  };
}

async function search(query) {
  const response = await fetch('/api/search?q=' + encodeURIComponent(query));
  if (!response.ok) {
    throw new Error('search failed: ' + response.status);
  }
  return response.json();
}

function render(items) {
  list.innerHTML = '';
  items.forEach(function (item) {
    const li = document.createElement('li');
    li.textContent = item.title;
    li.addEventListener('click', () => {
      window.location.href = item.url;
    });
    list.appendChild(li);
  });
}

input.addEventListener('input', debounce(async (event) => {
  try {
    render(await search(event.target.value));
  } catch (error) {
    console.error(error);
    render([]);
  }
}, 250));

module.exports = { debounce, search };
