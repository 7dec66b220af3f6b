// The tables, each with the columns that answer the first questions of an incident.

const ROUTES_FILTER = { name: 'q', label: 'Routes', placeholder: 'id, name, /path or pattern*' };
const OLDER_THAN = { name: 'older_than', label: 'Older than', placeholder: '30s' };

const TABLES = {
  // A name in the address must not find what every object has.
  __proto__: null,
  routes: {
    title: 'Routes',
    columns: [
      'method',
      'path',
      'stats.req.active',
      'stats.req.rate_1m',
      'stats.resp.time_p50_1m',
      'stats.resp.time_p99_1m',
      'stats.resp.status_5xx',
      'stats.end.disconnected',
      'stats.req.total',
      'preempt',
    ],
    keys: ['id', 'name', 'stats.req.total'],
    key: ['id'],
    // The busy ones: there may be hundreds.
    order: 'stats.req.active:desc',
    filters: [ROUTES_FILTER],
    extra: { title: 'last minutes', cell: row => new Sparkline(row.id) },
  },
  tasks: {
    title: 'Tasks',
    columns: [
      'id',
      'method',
      'path',
      'state',
      'running_time',
      'where',
      'awaiting',
      'holding',
      'cancelling',
    ],
    keys: ['id', 'name', 'route_id'],
    key: ['id'],
    filters: [
      { name: 'routes', label: 'Routes', placeholder: ROUTES_FILTER.placeholder },
      { name: 'state', label: 'State', words: ['running', 'waiting', 'streaming', 'queued'] },
      OLDER_THAN,
    ],
    action: row =>
      button('Cancel…', () => cancelTasks(row.id), { 'aria-label': `Cancel task ${row.id}…` }),
  },
  stacks: {
    title: 'Stacks',
    columns: ['count', 'method', 'path', 'state', 'oldest', 'stack', 'holding'],
    keys: ['route_id', 'state', 'stack', 'holding'],
    filters: [ROUTES_FILTER],
  },
  waits: {
    title: 'Waits',
    columns: [
      'resource',
      'waiting',
      'waiters',
      'where',
      'oldest',
      'held',
      'holders',
      'taken',
      'verdict',
    ],
    keys: ['resource_id'],
    action: row => {
      const node = button('Cancel holders…', () => cancelHolders(row), {
        'aria-label': `Cancel holders of ${row.resource}…`,
      });
      return { node, update: ({ holders }) => (node.hidden = holders == null) };
    },
  },
  awaits: {
    title: 'Awaits',
    columns: ['waiting', 'oldest', 'share_1m', 'last_passed', 'where', 'awaiting', 'route'],
    keys: ['route_id', 'where', 'awaiting', 'function'],
    filters: [ROUTES_FILTER],
  },
  workers: {
    title: 'Workers',
    columns: [
      'runtime',
      'worker',
      'thread',
      'state',
      'in_poll_for',
      'task_id',
      'route_id',
      'where',
      'busy_1m',
      'kernel_wait',
    ],
    keys: ['runtime', 'worker', 'route_id'],
    key: ['runtime', 'worker'],
  },
  connections: {
    title: 'Connections',
    columns: [
      'id',
      'remote',
      'state',
      'age',
      'idle_for',
      'requests',
      'tasks',
      'bytes_in',
      'bytes_out',
      'protocol',
    ],
    none: 'none, or not tracked: the service lists its connections with underscore_runtime::listen',
    keys: ['id'],
    filters: [
      {
        name: 'state',
        label: 'State',
        words: ['new', 'head', 'active', 'idle', 'upgraded', 'untracked', 'closing'],
      },
      OLDER_THAN,
    ],
    action: row =>
      button('Close…', () => closeConnection(row.id), {
        'aria-label': `Close connection ${row.id}…`,
      }),
  },
  ended: {
    title: 'Ended',
    columns: [
      'ended',
      'id',
      'method',
      'path',
      'status',
      'end',
      'took',
      'slowest_at',
      'slowest_for',
      'reason',
      'panic',
    ],
    keys: ['id', 'route_id'],
    key: ['id'],
    filters: [ROUTES_FILTER],
  },
  captures: {
    title: 'Captures',
    columns: ['timestamp', 'cause', 'size', 'complete', 'pid', 'name'],
    keys: ['name'],
    none: 'none; the service writes them with AdminBuilder::capture_to',
  },
  audit: {
    title: 'Audit',
    columns: [
      'timestamp',
      'action',
      'target',
      'status',
      'reason',
      'process',
      'uid',
      'pid',
      'before',
      'after',
    ],
    keys: ['seq'],
  },
};

/** The table of this kind. */
const table = (kind, options = {}) => new Table({ kind, ...TABLES[kind], ...options });

/** The route's rate from answer to answer, as a line. What was before the page is not known. */
class Sparkline {
  static history = new Map();
  static POINTS = 60;
  static ROUTES = 1_000;

  constructor(id) {
    this.id = id;
    this.line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    this.node = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    this.node.setAttribute('viewBox', `0 0 ${Sparkline.POINTS} 20`);
    this.node.setAttribute('role', 'img');
    this.node.setAttribute('class', 'sparkline');
    this.node.setAttribute('preserveAspectRatio', 'none');
    this.node.append(this.line);
  }

  update(row) {
    const rates = Sparkline.record(this.id, row['stats.req.total']);
    const most = Math.max(...rates, 0);
    const start = Sparkline.POINTS - rates.length;
    const points = rates.map(
      (rate, index) => `${start + index},${19 - (most ? (rate / most) * 18 : 0)}`,
    );
    this.line.setAttribute('points', points.join(' '));
    const last = rates.at(-1);
    const about =
      last === undefined
        ? 'rate not known yet'
        : `${last.toFixed(1)} requests per second, at most ${most.toFixed(1)}`;
    this.node.setAttribute('aria-label', about);
  }

  /** Adds a count, and returns the rates between counts, the newest last. */
  static record(id, total) {
    const now = performance.now();
    const known = Sparkline.history.get(id);
    const entry = known ?? { total, at: now, rates: [] };
    if (known && now - known.at > 500) {
      // A total that has shrunk is that of a new process.
      const rate = (Math.max(0, total - known.total) / (now - known.at)) * 1000;
      entry.rates = [...known.rates, rate].slice(-Sparkline.POINTS);
      Object.assign(entry, { total, at: now });
    }
    if (!known) {
      if (Sparkline.history.size >= Sparkline.ROUTES) {
        Sparkline.history.delete(Sparkline.history.keys().next().value);
      }
      Sparkline.history.set(id, entry);
    }
    return entry.rates;
  }
}
