// Which view is open, and when it asks the service again.

/** The least time between two looks, in milliseconds. */
const EVERY = 2_000;

/** The same after something has happened, such as a change. */
const SOON = 200;

/** Time between looks as a multiple of the last one's, so that a large service is not kept busy. */
const REST = 4;

const VIEWS = [
  'routes',
  'tasks',
  'stacks',
  'waits',
  'awaits',
  'workers',
  'connections',
  'ended',
  'captures',
  'audit',
  'events',
  'log',
  'profile',
];

/** The view that is open. */
let view;

class TableView {
  constructor(kind, params) {
    this.kind = kind;
    this.table = table(kind, { params, onChange: changed => this.go(changed) });
    this.node = element('div', {}, element('h2', {}, TABLES[kind].title), this.table.node);
  }

  go(params) {
    const query = new URLSearchParams(
      Object.entries(params).filter(([, value]) => value !== '' && value != null),
    );
    location.hash = `#/${this.kind}${query.size ? '?' + query : ''}`;
  }

  refresh(options) {
    return this.table.refresh(options);
  }
}

/** A part of the address. One that is not percent-encoded text stays as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Opens the view that the address names. */
function open() {
  const [path, query = ''] = location.hash.slice(2).split('?');
  const [name = 'routes', argument] = path.split('/').filter(Boolean).map(decoded);
  const params = Object.fromEntries(new URLSearchParams(query));
  document.querySelector('dialog')?.close();
  setText(byId('problem'), '');
  for (const item of byId('views').querySelectorAll('a')) {
    const href = item.getAttribute('href');
    const current = href === '#/' + name ? 'page' : href === '#/' + name + 's' ? 'true' : null;
    if (current) item.setAttribute('aria-current', current);
    else item.removeAttribute('aria-current');
  }
  if (view instanceof TableView && view.kind === name) {
    view.table.setParams(params);
    Poll.now();
    return;
  }
  const views = {
    __proto__: null,
    route: RouteView,
    task: TaskView,
    profile: ProfileView,
    events: EventsView,
    log: LogView,
  };
  const isFirst = view === undefined;
  if (views[name]) {
    view = new views[name](argument, params);
  } else {
    view = new TableView(TABLES[name] ? name : 'routes', params);
  }
  byId('view').replaceChildren(view.node);
  Events.show();
  if (!isFirst) {
    // A link has led here: what a screen reader says next is the view.
    byId('view').focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  Poll.now();
}

/** True while the page asks for nothing. */
const isResting = () => Poll.isPaused || document.hidden;

const Poll = {
  isPaused: false,
  timer: undefined,
  /** The look under way, `undefined` between two. */
  running: undefined,
  /** True if something has happened that the look under way may not show. */
  isStale: false,
  /** When the last look had ended, and how long it took. */
  ended: 0,
  took: 0,
  answered: undefined,
  problem: '',
  pid: undefined,
  uptime: undefined,

  /** Looks at once, instead of the look that is due or under way: a person waits for it. */
  now() {
    Poll.running?.abort();
    Poll.look();
  },

  /** Looks before the next look is due, because something has happened. */
  soon() {
    Poll.isStale = true;
    if (!Poll.running) Poll.schedule();
  },

  async look() {
    const running = (Poll.running = new AbortController());
    clearTimeout(Poll.timer);
    Poll.isStale = false;
    const began = performance.now();
    const options = { signal: running.signal };
    try {
      await Promise.all([Poll.process(options), Health.refresh(options), view.refresh(options)]);
      if (running !== Poll.running) return;
      Poll.answered = Date.now();
      Poll.problem = '';
      Poll.setConnected(true);
      Events.follow();
    } catch (error) {
      // Another look has begun meanwhile.
      if (running !== Poll.running) return;
      Poll.problem = error instanceof ApiError ? error.message : '';
      Poll.setConnected(error instanceof ApiError);
    }
    Poll.running = undefined;
    Poll.ended = performance.now();
    Poll.took = Poll.ended - began;
    Poll.showAge();
    Poll.schedule();
  },

  /** Sets the time of the next look. */
  schedule() {
    clearTimeout(Poll.timer);
    if (isResting()) return;
    const rest = Math.max(Poll.isStale ? SOON : EVERY, REST * Poll.took);
    const left = Poll.ended + rest - performance.now();
    Poll.timer = setTimeout(Poll.look, Math.max(left, 0));
  },

  /** Ends the look that is under way, and asks for nothing any more. */
  rest() {
    Poll.running?.abort();
    Poll.running = undefined;
    clearTimeout(Poll.timer);
    Events.stop();
  },

  async process(options) {
    const about = await getJson('/', {}, { ...options, patience: PATIENCE });
    setText(byId('service'), about.name);
    setText(
      byId('process'),
      [about.version && 'version ' + about.version, 'pid ' + about.pid, 'up ' + about.uptime]
        .filter(Boolean)
        .join(', '),
    );
    const { pid, uptime_in_seconds: uptime } = about;
    // In a container, each process has the same id.
    if (Poll.pid !== undefined && (pid !== Poll.pid || uptime < Poll.uptime)) {
      announce('The process was restarted.');
      Sparkline.history.clear();
      Events.restarted();
    }
    Object.assign(Poll, { pid, uptime });
  },

  setConnected(isConnected) {
    const wasConnected = !document.body.classList.contains('gone');
    document.body.classList.toggle('gone', !isConnected);
    if (isConnected === wasConnected) return;
    announce(isConnected ? 'The service answers again.' : 'The service does not answer.');
  },

  /** How old what is shown is. */
  showAge() {
    const age =
      Poll.answered === undefined ? undefined : Math.round((Date.now() - Poll.answered) / 1000);
    const since = age === undefined ? '' : age < 3 ? 'now' : `${age} s ago`;
    const isGone = document.body.classList.contains('gone');
    setClass(byId('connection'), Poll.problem ? 'problem' : '');
    setText(
      byId('connection'),
      isGone
        ? `no answer, trying again; last one ${since || 'never'}`
        : Poll.problem
          ? `${Poll.problem}; last answer ${since || 'never'}`
          : Poll.isPaused
            ? `paused; as of ${since}`
            : since && `as of ${since}`,
    );
  },

  setPaused(isPaused) {
    Poll.isPaused = isPaused;
    byId('pause').setAttribute('aria-pressed', isPaused);
    document.body.classList.toggle('paused', isPaused);
    if (isPaused) {
      Poll.rest();
    } else {
      Events.show();
      Poll.now();
    }
    Poll.showAge();
  },
};

/** Shows an error that belongs to no field, until the next one or another view. */
function fail(error) {
  if (error.name !== 'AbortError') setText(byId('problem'), explain(error));
}

byId('views').append(
  ...VIEWS.map(name =>
    element(
      'li',
      {},
      link('#/' + name, TABLES[name]?.title ?? name[0].toUpperCase() + name.slice(1)),
    ),
  ),
);
document.querySelector('.skip').addEventListener('click', event => {
  // The address stays that of the view.
  event.preventDefault();
  byId('view').focus();
});
byId('pause').addEventListener('click', () => Poll.setPaused(!Poll.isPaused));
addEventListener('hashchange', open);
document.addEventListener('visibilitychange', () => (isResting() ? Poll.rest() : Poll.schedule()));
setInterval(Poll.showAge, 1_000);
byId('health').hidden = true;
byId('recent').hidden = true;
open();
