// What has just happened, pushed by the service.

/** Events that are kept. */
const MAX_EVENTS = 500;

/** Events on every view. */
const RECENT = 6;

/** Properties that a sentence has already. */
const SPOKEN = new Set([
  'id',
  'time',
  'timestamp',
  'type',
  'method',
  'path',
  'route_id',
  'task_id',
]);

const Events = {
  all: [],
  held: [],
  source: undefined,

  follow() {
    Events.source?.close();
    Events.source = new EventSource(
      apiUrl('/_events', { follow: 'true', format: 'sse', size: MAX_EVENTS }),
    );
    for (const type of ['audit', 'blocked', 'ended', 'health', 'lost', 'resumed', 'slow']) {
      Events.source.addEventListener(type, message => Events.add(JSON.parse(message.data)));
    }
  },

  add(event) {
    // After a restart, the ids begin again.
    const newest = Events.all[0];
    if (
      event.id != null &&
      newest?.id != null &&
      event.id <= newest.id &&
      event.time <= newest.time
    )
      return;
    Events.all.unshift(event);
    Events.all.length = Math.min(Events.all.length, MAX_EVENTS);
    if (event.type === 'health' || event.type === 'audit') refreshSoon();
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
    byId('recent').hidden = Events.all.length === 0;
    if (view instanceof EventsView) view.show();
  },
};

const eventKey = event => `${event.id ?? 'lost'} ${event.time ?? event.last} ${event.type}`;

function createEvent(event) {
  const { task_id: task, route_id: route } = event;
  const subject = [event.method, event.path].filter(Boolean).join(' ');
  const rest = Object.entries(event).filter(([name, value]) => !SPOKEN.has(name) && value != null);
  const words = rest.map(([name, value]) =>
    element(
      'span',
      { class: 'field' },
      element('span', { class: 'name' }, name),
      ' ',
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ),
  );
  const node = element(
    'li',
    { class: event.type },
    element('time', {}, event.time == null ? '' : timeOfDay(event.time)),
    ' ',
    element('strong', {}, event.type),
    ' ',
    route && subject ? link('#/route/' + route, subject) : subject,
    ' ',
    task == null ? null : link('#/task/' + task, 'task ' + task),
    ' ',
    words.flatMap(word => [word, ' ']),
  );
  return { node, update() {} };
}

class EventsView {
  constructor() {
    this.list = element('ol', { class: 'events' });
    this.type = element(
      'select',
      {},
      ['', 'audit', 'blocked', 'ended', 'health', 'slow'].map(type =>
        element('option', { value: type }, type || 'all'),
      ),
    );
    this.type.addEventListener('change', () => this.show());
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
      Events.all.filter(event => !type || event.type === type),
      eventKey,
      createEvent,
    );
  }
}
