// What has just happened, pushed by the service.

/** Events that are kept. */
const MAX_EVENTS = 500;

/** Events on every view. */
const RECENT = 6;

/** The type of an event that the page adds: the events before it are those of another process. */
const RESTARTED = 'restarted';

const Events = {
  all: [],
  source: undefined,

  /** Follows from the newest event on, unless it does already. */
  follow() {
    if (isResting() || Events.source) return;
    const since = Events.newest()?.id;
    const source = (Events.source = new EventSource(
      apiUrl('/_events', { follow: 'true', format: 'sse', size: MAX_EVENTS, since }),
    ));
    for (const type of TYPES) {
      source.addEventListener(type, message => Events.add(JSON.parse(message.data)));
    }
    // The browser would connect again by itself, before a look has shown that the process is the
    // same one.
    source.addEventListener('error', () => {
      if (Events.source === source) Events.stop();
    });
  },

  /** Also frees the connection: a browser has six for all tabs of an origin. */
  stop() {
    Events.source?.close();
    Events.source = undefined;
  },

  /** The newest event of this process with an id. */
  newest: () => Events.all.find(({ id, isFormer }) => id != null && !isFormer),

  /** The process is another one: the task ids of the former one are those of other tasks now. */
  restarted() {
    Events.stop();
    for (const event of Events.all) event.isFormer = true;
    Events.all.unshift({ type: RESTARTED, time: Date.now(), isFormer: true });
    Events.showSoon();
  },

  add(event) {
    // A browser that connects again asks for the same events; after a restart, the ids begin again.
    const newest = Events.newest();
    if (event.id <= newest?.id && event.time <= newest.time) return;
    Events.all.unshift(event);
    Events.all.length = Math.min(Events.all.length, MAX_EVENTS);
    if (event.type === 'health' || event.type === 'audit') Poll.soon();
    Events.showSoon();
  },

  showSoon() {
    if (Events.isDue || Poll.isPaused) return;
    Events.isDue = true;
    requestAnimationFrame(() => {
      Events.isDue = false;
      Events.show();
    });
  },

  show() {
    reconcile(byId('events'), Events.all.slice(0, RECENT), eventKey, createEvent);
    const isOpen = view instanceof EventsView;
    byId('recent').hidden = isOpen || Events.all.length === 0;
    if (isOpen) view.show();
  },
};

const eventKey = ({ id, last_id: last, time, type, isFormer }) =>
  `${id ?? last} ${time} ${type} ${isFormer}`;

/** What has happened, as the parts of a sentence after its time and its type. */
const SENTENCES = {
  audit: ({ action, target, process, uid, status, reason }) => [
    [action, target].join(' '),
    process || uid != null
      ? `by ${[process, uid != null && 'uid ' + uid].filter(Boolean).join(', ')}`
      : '',
    status == null ? '' : `status ${status}`,
    reason && `“${reason}”`,
  ],
  blocked: ({ name, where, in_poll_for, thread, kernel_wait, untracked }) => [
    name,
    untracked ? 'untracked code' : '',
    `blocks ${thread ?? 'a worker'} for ${duration(in_poll_for ?? 0)}`,
    where && 'after ' + where,
    kernel_wait && 'kernel: ' + kernel_wait,
  ],
  capture: ({ cause, name, complete, error }) => [
    cause,
    name && (complete ? name : name + ', without a profile so far'),
    error && 'not written: ' + error,
  ],
  ended: ({ end, status, took, where, reason, panic }) => [
    end,
    status,
    took != null && 'after ' + duration(took),
    where && 'at ' + where,
    reason && `“${reason}”`,
    panic && `“${panic}”`,
  ],
  health: ({ status, symptom, subject, evidence }) => [
    element('span', { class: 'badge ' + status }, status),
    symptom,
    subject && subject + ':',
    evidence,
  ],
  lost: ({ lost }) => [plural(lost, 'event'), 'that this page has not received'],
  [RESTARTED]: () => ['the events below are those of the former process'],
  resumed: ({ in_poll_for }) => [`returned after ${duration(in_poll_for ?? 0)}`],
  slow: ({ running_time, where, awaiting }) => [
    running_time != null && `for ${duration(running_time)}`,
    where && 'at ' + where,
    awaiting,
  ],
};

/** The types that the service has. */
const TYPES = Object.keys(SENTENCES).filter(type => type !== RESTARTED);

function createEvent(event) {
  const { type, task_id: task, route_id: route, more, isFormer } = event;
  const subject = [event.method, event.path].filter(Boolean).join(' ');
  const sentence = more == null ? SENTENCES[type]?.(event) : [`and ${more} more`];
  const parts = [
    element('time', { title: event.timestamp }, timeOfDay(event.time)),
    element('strong', {}, type),
    route && subject ? link('#/route/' + route, subject) : subject,
    task == null ? null : isFormer ? 'task ' + task : link('#/task/' + task, 'task ' + task),
    sentence ?? JSON.stringify(event),
  ];
  const shown = parts.flat().filter(part => part != null && part !== '' && part !== false);
  const node = element(
    'li',
    {},
    shown.flatMap(part => [part instanceof Node ? part : String(part), ' ']),
  );
  return { node, update() {} };
}

class EventsView {
  constructor() {
    this.list = element('ol', { class: 'events' });
    this.type = element(
      'select',
      { name: 'type', change: () => this.show() },
      ['', ...TYPES].map(type => element('option', { value: type }, type || 'all')),
    );
    this.node = element(
      'div',
      {},
      element('h2', {}, 'Events'),
      element(
        'form',
        { class: 'filters', submit: event => event.preventDefault() },
        labelled('Type', this.type),
      ),
      this.list,
    );
  }

  async refresh() {
    this.show();
  }

  show() {
    const type = this.type.value;
    reconcile(
      this.list,
      Events.all.filter(event => !type || event.type === type || event.type === RESTARTED),
      eventKey,
      createEvent,
    );
  }
}
