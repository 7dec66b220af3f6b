// A table of the API: a page of its rows, sorted and filtered by the service.

const ROWS = 50;

/** Columns with a list of task ids, each a link. */
const TASK_LISTS = new Set(['holders', 'parent_task_id', 'task_id', 'waiters']);

/** Columns with words that have a colour. */
const STATES = new Set(['state', 'status']);

/** Maximum number of links in a cell. */
const LINKS = 20;

/** The place of a cell in the page, `undefined` if it leads nowhere. */
function target(kind, column, row) {
  if (column === 'id' && row.id != null && (kind === 'tasks' || kind === 'ended')) {
    return '#/task/' + row.id;
  }
  if (kind === 'captures') {
    return column === 'name' ? apiUrl('/_captures/' + encodeURIComponent(row.name)) : undefined;
  }
  const route = kind === 'routes' ? row.id : row.route_id;
  const isRoute =
    ['path', 'route', 'route_id', 'handler', 'name'].includes(column) ||
    (kind === 'routes' && column === 'id') ||
    (kind === 'health' && column === 'subject');
  return isRoute && route && !String(route).includes(',') ? '#/route/' + route : undefined;
}

/** Work outside of requests and handlers that are not mounted have no path, but a name. */
const valueOf = (column, row) => (column === 'path' ? (row.path ?? row.name) : row[column]);

class Table {
  /**
   * `kind` is the name of the table, `columns` those shown at first, `keys` those that are always
   * asked for, `key` those that tell its rows apart, and `filters` its fields. `order` is how it is
   * sorted at first, and `none` what it says without rows. `params` are the order and the filter
   * now, and `onChange(params)` is called when a person changes them.
   */
  constructor({
    kind,
    path = '/_cat/' + kind,
    columns,
    keys,
    key = keys,
    filters = [],
    order = '',
    none = 'none',
    params = {},
    rows = ROWS,
    action,
    onChange,
    caption,
    extra,
  }) {
    Object.assign(this, { kind, path, keys, key, order, none, params, rows, action, extra });
    this.defaults = columns;
    this.controls = new Map();
    this.boxes = new Map();
    this.onChange = onChange ?? (changed => this.setParams(changed).refresh().catch(fail));
    this.head = element('thead');
    this.body = element('tbody');
    this.problem = element('p', { class: 'problem', role: 'alert' });
    this.count = element('span', { class: 'count' });
    this.earlier = button('Previous', () => this.turn(-this.rows), { hidden: true });
    this.later = button('Next', () => this.turn(this.rows), { hidden: true });
    this.chooser = element(
      'details',
      { class: 'columns', toggle: () => this.describe().catch(fail) },
      element('summary', {}, 'Columns'),
      element('div'),
    );
    const label = (this.label = caption ?? kind);
    this.node = element(
      'div',
      {},
      filters.length ? this.filterForm(filters) : null,
      scrollable(label, element('caption', { class: 'unseen' }, label), this.head, this.body),
      this.problem,
      element('div', { class: 'pages' }, this.count, this.earlier, this.later, this.chooser),
    );
    this.setParams(params);
    this.writeHead();
  }

  /** Sets the order and the filter, as on the way back to an earlier one. */
  setParams(params) {
    this.params = params;
    this.columns = params.h ? params.h.split(',') : this.defaults;
    for (const [name, control] of this.controls) control.value = params[name] ?? '';
    for (const [name, box] of this.boxes) box.checked = this.columns.includes(name);
    return this;
  }

  filterForm(filters) {
    const controls = filters.map(({ name, label, words, placeholder }) => {
      const attributes = { name, placeholder, autocomplete: 'off', spellcheck: 'false' };
      const control = words
        ? element(
            'select',
            { name },
            ['', ...words].map(word => element('option', { value: word }, word || 'any')),
          )
        : element('input', { type: 'search', ...attributes });
      this.controls.set(name, control);
      control.addEventListener('change', () => this.change({ [name]: control.value, from: '' }));
      return labelled(label, control);
    });
    return element(
      'form',
      { class: 'filters', role: 'search', submit: event => event.preventDefault() },
      controls,
    );
  }

  change(changed) {
    return this.onChange({ ...this.params, ...changed });
  }

  turn(rows) {
    const from = Math.max(0, Number(this.params.from ?? 0) + rows);
    return this.change({ from: from || '' });
  }

  /** The column that the rows are sorted by and the direction, as in the parameter `s`. */
  get sorted() {
    return this.params.s ?? this.order;
  }

  writeHead() {
    const [sorted, order = 'asc'] = this.sorted.split(':');
    const cells = this.columns.map(column => {
      const isSorted = column === sorted;
      const mark = isSorted ? (order === 'desc' ? ' ▼' : ' ▲') : '';
      const next = isSorted && order === 'desc' ? 'asc' : 'desc';
      const sort = button(
        heading(column) + mark,
        () => this.change({ s: `${column}:${next}`, from: '' }),
        { title: this.descriptions?.get(column) },
      );
      const ariaSort = isSorted ? (order === 'desc' ? 'descending' : 'ascending') : null;
      return element('th', { scope: 'col', 'aria-sort': ariaSort }, sort);
    });
    for (const { title } of this.extraColumns()) cells.push(element('th', { scope: 'col' }, title));
    this.head.replaceChildren(element('tr', {}, cells));
    this.written = this.columns.join() + this.sorted + Boolean(this.descriptions);
  }

  extraColumns() {
    const actions = { title: 'actions', cell: row => this.action(row) };
    return [...(this.extra ? [this.extra] : []), ...(this.action ? [actions] : [])];
  }

  /** The request for the rows: one filter is part of the path, the others are parameters. */
  request() {
    const { q, h: _, s: __, from, ...filter } = this.params;
    const columns = [...new Set([...this.columns, ...this.keys])].join();
    const path = q ? `${this.path}/${encodeURIComponent(q)}` : this.path;
    return [path, { ...filter, s: this.sorted, from, size: this.rows, h: columns }];
  }

  async refresh(options) {
    let answer;
    const { params } = this;
    try {
      answer = await getRows(...this.request(), options);
    } catch (error) {
      // What was typed is wrong, or names a route that does not exist. The connection is not.
      if (!(error instanceof ApiError)) throw error;
      answer = { rows: [], total: 0, problem: error.message };
    }
    // Another order or filter was chosen meanwhile.
    if (this.params !== params) return;
    setText(this.problem, answer.problem ?? '');
    const from = Number(this.params.from ?? 0);
    if (answer.rows.length === 0 && answer.total > 0 && from > 0) {
      const last = Math.floor((answer.total - 1) / this.rows) * this.rows;
      return this.change({ from: last || '' });
    }
    this.show(answer, from);
  }

  show({ rows, total }, from) {
    if (this.written !== this.columns.join() + this.sorted + Boolean(this.descriptions)) {
      this.writeHead();
      this.body.replaceChildren();
      this.body.shown = undefined;
    }
    this.columns.forEach((column, index) => {
      const isNumber = rows.length > 0 && isNumeric(column, rows[0][column]);
      setClass(this.head.rows[0].cells[index], isNumber ? 'number' : '');
    });
    const last = from + rows.length;
    setText(
      this.count,
      total === 0 ? this.none : `${from + 1}–${last} of ${total.toLocaleString('en')}`,
    );
    this.earlier.hidden = from === 0;
    this.later.hidden = last >= total;
    reconcile(
      this.body,
      this.numbered(rows),
      ({ key }) => key,
      ({ row }) => this.createRow(row),
    );
    this.total = total;
  }

  /** The rows with their keys. Rows that are alike in all of `key` are told apart by a number. */
  numbered(rows) {
    const counts = new Map();
    return rows.map(row => {
      const alike = JSON.stringify(this.key.map(column => row[column]));
      const count = counts.get(alike) ?? 0;
      counts.set(alike, count + 1);
      return { row, key: alike + count };
    });
  }

  createRow(first) {
    const cells = this.columns.map(() => element('td'));
    const more = this.extraColumns().map(({ cell }) => {
      const content = cell(first);
      return { content, node: element('td', { class: 'extra' }, content?.node ?? content) };
    });
    const node = element(
      'tr',
      {},
      cells,
      more.map(({ node }) => node),
    );
    const texts = [];
    const update = ({ row }) => {
      setClass(node, rowClass(row));
      this.columns.forEach((column, index) => {
        const text = cellText(column, valueOf(column, row));
        if (texts[index] === text) return;
        texts[index] = text;
        this.writeCell(cells[index], column, row, text);
      });
      for (const { content } of more) content?.update?.(row);
    };
    return { node, update };
  }

  writeCell(cell, column, row, text) {
    setClass(cell, cellClass(column, valueOf(column, row), text));
    const href = target(this.kind, column, row);
    if (TASK_LISTS.has(column) && row[column] != null) {
      const ids = String(row[column]).split(',');
      const links = ids
        .slice(0, LINKS)
        .flatMap((id, index) => [index ? ', ' : '', link('#/task/' + id, id)]);
      cell.replaceChildren(...links, ids.length > LINKS ? ` and ${ids.length - LINKS} more` : '');
    } else if (href && valueOf(column, row) != null) {
      cell.replaceChildren(link(href, text));
    } else {
      cell.textContent = text;
    }
  }

  /** Lists all columns with their descriptions, once a person asks for them. */
  async describe() {
    if (!this.chooser.open || this.descriptions) return;
    const help = await getText(this.path, { help: 'true' });
    const lines = help
      .trimEnd()
      .split('\n')
      .map(line => line.split('|').map(part => part.trim()));
    this.descriptions = new Map(lines.map(([name, , ...about]) => [name, about.join('|')]));
    const boxes = [...this.descriptions].map(([name, about]) => {
      const box = element('input', { type: 'checkbox', checked: this.columns.includes(name) });
      box.addEventListener('change', () => this.choose(name, box.checked));
      this.boxes.set(name, box);
      return element('label', { title: about }, box, ' ' + name);
    });
    this.chooser.querySelector('div').replaceChildren(...boxes);
    this.writeHead();
  }

  choose(name, isShown) {
    const others = this.columns.filter(column => column !== name);
    this.columns = isShown ? [...others, name] : others;
    return this.change({ h: this.columns.join() });
  }
}

/** Texts up to this length are not wrapped. */
const SHORT = 28;

function cellClass(column, value, text) {
  if (isNumeric(column, value)) return 'number';
  if (STATES.has(column)) return 'state ' + text;
  return text.length > SHORT ? 'long' : 'short';
}

/** Rows that a person looks for first. */
function rowClass(row) {
  const isBad =
    row.state === 'blocked' || row.status === 'red' || /deadlock/.test(row.verdict ?? '');
  return isBad ? 'bad' : '';
}
