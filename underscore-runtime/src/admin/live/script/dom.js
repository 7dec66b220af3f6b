// The page of the admin API. It is a client like curl: it sends the requests that docs/admin-api.md
// describes, and no others. Text from the service is only ever set as text, never parsed as HTML;
// the page's policy (`require-trusted-types-for`) holds it to that.

// Elements.

const byId = id => document.getElementById(id);

/** Characters that are not seen, or that reorder others, as the API's text tables know them. */
const INVISIBLE =
  /[^\P{C}\n]|[\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f]/gu;

/** Text with invisible characters as in `\u{202e}`, so that nothing hides or turns around. */
const visible = text =>
  text.replace(INVISIBLE, character => `\\u{${character.codePointAt(0).toString(16)}}`);

/** Attributes that are read. */
const SPOKEN_ATTRIBUTES = new Set(['aria-label', 'title']);

/** Creates an element. An attribute whose value is a function is an event listener. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      node.addEventListener(key, value);
    } else if (value !== false && value != null) {
      const text = SPOKEN_ATTRIBUTES.has(key) ? visible(String(value)) : value;
      node.setAttribute(key, value === true ? '' : text);
    }
  }
  const shown = children.flat(Infinity).filter(child => child != null);
  node.append(...shown.map(child => (typeof child === 'string' ? visible(child) : child)));
  return node;
}

const button = (label, click, attributes = {}) =>
  element('button', { type: 'button', click, ...attributes }, label);

const link = (href, label) => element('a', { href }, label);

/** A label around its control. */
const labelled = (label, control) => element('label', {}, element('span', {}, label), control);

/** A table that scrolls sideways, also by keyboard. */
const scrollable = (label, ...content) =>
  element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    element('table', {}, content),
  );

/** Sets a text, if it is another one: an unchanged node is not laid out again. */
function setText(node, value) {
  const text = visible(String(value));
  if (node.textContent !== text) node.textContent = text;
}

function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

/**
 * Makes `parent` show `items`, in their order, and reuses the nodes of those it shows already.
 * `create(item)` returns `{ node, update(item) }`.
 */
function reconcile(parent, items, keyOf, create) {
  const before = parent.shown ?? new Map();
  const shown = new Map();
  // First, so that those that stay are not moved: a node that is moved loses focus, selection and
  // the click that has begun on it.
  const keys = new Set(items.map(keyOf));
  for (const [key, { node }] of before) if (!keys.has(key)) node.remove();
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    // Two items with one key would share a node: the second one is left out.
    if (shown.has(key)) continue;
    const entry = before.get(key) ?? create(item);
    shown.set(key, entry);
    entry.update(item);
    if (entry.node === next) {
      next = next.nextElementSibling;
    } else {
      parent.insertBefore(entry.node, next);
    }
  }
  parent.shown = shown;
}

let announced = { text: '', at: -Infinity };

/**
 * Tells a screen reader, which otherwise reads nothing of what changes by itself. Sentences that
 * follow each other at once are read together.
 */
function announce(text) {
  const at = performance.now();
  const before = at - announced.at < 1_000 ? announced.text + ' ' : '';
  announced = { text: before + text, at };
  setText(byId('announcer'), announced.text);
}
