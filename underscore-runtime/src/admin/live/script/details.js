// One route, and one task.

/** A list of properties, updated in place. */
class Facts {
  constructor() {
    this.node = element('dl', { class: 'facts' });
  }

  show(facts) {
    const items = Object.entries(facts).filter(([, value]) => value != null && value !== '');
    reconcile(
      this.node,
      items,
      ([name]) => name,
      ([name]) => {
        const value = element('dd');
        const node = element('div', {}, element('dt', {}, name), value);
        return { node, update: ([, now]) => setText(value, String(now)) };
      },
    );
  }
}

class RouteView {
  constructor(id) {
    this.id = id;
    this.title = element('h2', {}, 'Route ' + id);
    this.problem = element('p', { class: 'problem', role: 'alert' });
    this.facts = new Facts();
    this.settings = element('p', { class: 'settings' });
    const path = encodeURIComponent(id);
    const part = (kind, caption, options) =>
      table(kind, { caption, rows: 10, filters: [], ...options });
    this.tables = [
      part('stacks', 'Where its requests are', {
        path: '/_cat/stacks/' + path,
        columns: ['count', 'state', 'oldest', 'stack', 'holding'],
      }),
      part('tasks', 'Its tasks', {
        params: { routes: id },
        columns: ['id', 'state', 'running_time', 'where', 'awaiting', 'holding'],
      }),
      part('ended', 'Ended badly or slowly', {
        path: '/_cat/ended/' + path,
        columns: ['ended', 'id', 'status', 'end', 'took', 'slowest_at', 'slowest_for', 'reason'],
      }),
    ];
    this.node = element(
      'div',
      {},
      this.title,
      this.problem,
      this.facts.node,
      this.settings,
      element(
        'p',
        { class: 'buttons' },
        button('Interrupt…', () => interruptRoute(id, this.name ?? id), { class: 'danger' }),
        button('Change settings…', () => changeSettings(id, this.name ?? id).catch(fail)),
        link('#/profile?routes=' + path, 'Profile'),
        link('#/awaits?q=' + path, 'Awaits'),
      ),
      this.tables.map(one => [element('h3', {}, one.label), one.node]),
    );
  }

  async refresh(options) {
    try {
      const { rows } = await getRows(
        '/_cat/routes/' + encodeURIComponent(this.id),
        { h: '*' },
        options,
      );
      if (rows[0]) this.show(rows[0]);
      const all = await getJson(
        `/_routes/${encodeURIComponent(this.id)}/settings`,
        { flat_settings: 'true' },
        options,
      );
      this.showSettings(Object.values(all)[0] ?? {});
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setText(this.problem, error.message);
      return;
    }
    setText(this.problem, '');
    await Promise.all(this.tables.map(one => one.refresh(options)));
  }

  show(row) {
    this.name = [row.method, row.path ?? row.handler].filter(Boolean).join(' ');
    setText(this.title, this.name);
    const seconds = value => (value == null ? null : duration(value));
    const ends = Object.entries(row).filter(
      ([name, count]) => name.startsWith('stats.end.') && count > 0,
    );
    this.facts.show({
      id: row.id,
      handler: row.handler,
      source: row.file && `${row.file}:${row.line}`,
      'in flight': row['stats.req.active'],
      requests: row['stats.req.total'],
      'rate, last minute': row['stats.req.rate_1m'] + ' per second',
      p50: seconds(row['stats.resp.time_p50_1m']),
      p99: seconds(row['stats.resp.time_p99_1m']),
      ends: ends.map(([name, count]) => `${name.slice('stats.end.'.length)} ${count}`).join(', '),
      'blocked workers': row['stats.blocked.count'] || null,
      'seen by': row.seen_by,
    });
  }

  showSettings({ transient = {}, persistent = {}, expires_in: expires }) {
    const parts = Object.entries(transient).map(([key, value]) => {
      const left = timeLeft(expires, key);
      return `${key} = ${typed(value)}` + (left ? ` for ${left} more` : '');
    });
    for (const key of resetKeys(transient, expires)) {
      parts.push(`${key} reset for ${expires[key]} more`);
    }
    if (Object.keys(persistent).length) parts.push('persistent: ' + listed(persistent));
    setText(
      this.settings,
      parts.length ? 'Settings: ' + parts.join('; ') : 'No setting differs from its default.',
    );
    setClass(this.settings, parts.length ? 'settings set' : 'settings');
  }
}

class TaskView {
  constructor(id) {
    this.id = id;
    this.title = element('h2', {}, 'Task ' + id);
    this.problem = element('p', { class: 'problem', role: 'alert' });
    this.facts = new Facts();
    this.stack = element('pre', { tabindex: 0, 'aria-label': 'Stack' });
    this.cancel = button('Cancel…', () => cancelTasks(id), { class: 'danger' });
    this.route = element('span');
    this.node = element(
      'div',
      {},
      this.title,
      this.problem,
      this.facts.node,
      element('p', { class: 'buttons' }, this.cancel, this.route),
      element('h3', {}, 'Stack'),
      this.stack,
    );
  }

  async refresh(options) {
    try {
      const [{ rows }, stack] = await Promise.all([
        getRows('/_cat/tasks/' + encodeURIComponent(this.id), { h: '*' }, options),
        getText(`/_tasks/${encodeURIComponent(this.id)}/print_stack`, {}, options),
      ]);
      this.showLive(rows[0] ?? {}, stack);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await this.showEnded(error, options);
    }
  }

  showLive(row, stack) {
    const facts = Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        name === 'start_time' || value == null ? null : cellText(name, value),
      ]),
    );
    this.facts.show(facts);
    setText(this.stack, stack);
    setText(this.problem, '');
    this.showRoute(row.route_id, row.path);
    this.cancel.hidden = false;
  }

  /** The task is gone: its record, if it has left one. */
  async showEnded(error, options) {
    this.cancel.hidden = true;
    try {
      const record = await getText(
        '/_ended/' + encodeURIComponent(this.id),
        { format: 'text' },
        options,
      );
      setText(this.problem, 'The task has ended. This is its record.');
      this.facts.show({});
      setText(this.stack, record);
    } catch (second) {
      if (!(second instanceof ApiError)) throw second;
      // What it was when it was last seen stays.
      const isOld = this.stack.textContent !== '';
      setText(this.problem, error.message + (isOld ? '. When it was last seen:' : ''));
    }
  }

  showRoute(id, path) {
    if (!id || this.route.firstChild) return;
    this.route.replaceChildren(link('#/route/' + id, 'Route ' + (path ?? id)));
  }
}
