// Changes. Each dialog shows the dry run first, and sends the change when it is confirmed.

const END_FIELDS = {
  status: "Status for clients instead of the route's own",
  children: 'Also the tasks that these have begun',
};

/** Time without a key after which a person has typed a value, in milliseconds. */
const TYPING = 300;

class ChangeDialog {
  /**
   * `method`, `path` and `params` are the request. `fields` are the controls of the form, and
   * `read(form)` returns the parameters and the body that they stand for, or a problem.
   * `verb(wouldHit)` is the label of the button, and `describe(would)` what the dry run has found,
   * as a few paragraphs.
   */
  constructor({
    title,
    method = 'POST',
    path,
    params = {},
    fields,
    read,
    verb,
    about,
    describe = wouldHit,
  }) {
    Object.assign(this, { method, path, params, read, verb, describe });
    this.outcome = element('div', { class: 'outcome', role: 'status' });
    this.problem = element('p', { class: 'problem', role: 'alert' });
    this.command = element('pre', { tabindex: 0, 'aria-label': 'The same as a command' });
    this.confirm = element('button', { class: 'danger', disabled: true }, verb(undefined));
    this.back = button('Back', () => this.node.close());
    this.again = button('Dry run again', () => this.preview(), { hidden: true });
    this.form = element(
      'form',
      { submit: event => this.submit(event), input: event => this.edited(event.target) },
      element('h2', { id: 'change-title' }, title),
      about ? element('p', {}, about) : null,
      fields,
      this.outcome,
      this.problem,
      element('details', {}, element('summary', {}, 'As a command'), this.command),
      element('p', { class: 'buttons' }, this.back, this.again, this.confirm),
    );
    this.node = element(
      'dialog',
      { 'aria-labelledby': 'change-title', close: () => this.closed() },
      this.form,
    );
    document.body.append(this.node);
    this.node.showModal();
    this.preview();
  }

  /** The request of the form as it is now. */
  request(extra = {}) {
    const { params = {}, ...rest } = this.read?.(new FormData(this.form)) ?? {};
    return { url: apiUrl(this.path, { ...this.params, ...params, ...extra }), ...rest };
  }

  /** A field was edited. A reason changes nothing of what the change would do. */
  edited(field) {
    if (field.name === 'reason' || this.isSent) {
      this.showCommand();
      return;
    }
    this.turn = {};
    this.confirm.disabled = true;
    this.outcome.setAttribute('aria-busy', 'true');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), TYPING);
  }

  showCommand() {
    const { url, body } = this.request();
    setText(this.command, curlLine(this.method, url, body));
  }

  /** Asks what the change would do. Until that is answered, it cannot be confirmed. */
  async preview() {
    const turn = (this.turn = {});
    this.confirm.disabled = true;
    this.again.hidden = true;
    setText(this.problem, '');
    try {
      this.showCommand();
      const dry = this.request({ dry_run: 'true' });
      if (dry.isEmpty) {
        this.showOutcome([element('p', {}, 'Dry run: no value is changed yet.')]);
        return;
      }
      if (dry.problem) {
        this.showOutcome([]);
        setText(this.problem, dry.problem);
        return;
      }
      const response = await send(this.method, dry.url, { body: dry.body });
      const would = await response.json();
      if (this.turn !== turn) return;
      this.showOutcome(this.describe(would));
      setText(this.confirm, this.verb(would.would_hit));
      this.confirm.disabled = false;
    } catch (error) {
      if (this.turn === turn) this.fail(explain(error));
    }
  }

  async submit(event) {
    event.preventDefault();
    if (this.confirm.disabled) return;
    this.isSent = true;
    this.confirm.disabled = true;
    try {
      const { url, body } = this.request();
      const response = await send(this.method, url, { body, patience: 60_000 });
      this.finish(await response.json());
    } catch (error) {
      this.isSent = false;
      const isRefused = error instanceof ApiError;
      this.fail(isRefused ? error.message : 'No answer. The audit shows whether it was done.');
    }
  }

  finish(report) {
    const done = reportText(report);
    this.showOutcome([element('p', { class: 'done' }, done)]);
    this.confirm.remove();
    setText(this.back, 'Close');
    this.back.focus();
    announce(done);
    Poll.soon();
  }

  showOutcome(parts) {
    this.outcome.removeAttribute('aria-busy');
    this.outcome.replaceChildren(...parts);
  }

  /** Shows why it failed, on the page if the dialog was closed meanwhile. */
  fail(text) {
    this.showOutcome([]);
    setText(this.node.isConnected ? this.problem : byId('problem'), text);
    this.again.hidden = false;
  }

  closed() {
    this.turn = {};
    clearTimeout(this.timer);
    this.node.remove();
  }
}

/** What a dry run has found, as a few paragraphs. */
function wouldHit({ would_hit: hit, tasks = {}, connections = {}, advice }) {
  const states = Object.entries({ ...tasks, ...connections });
  const words = [plural(hit.tasks, 'request or task', 'requests and tasks')];
  if (hit.connections !== undefined) words.unshift(plural(hit.connections, 'connection'));
  const share =
    hit.share_1m == null
      ? ''
      : `; its routes had ${(hit.share_1m * 100).toFixed(0)} % of the requests of the last minute`;
  const shown = states
    .slice(0, LINKS)
    .map(([id, state]) => `${id} ${stateWord(state)}`)
    .join(', ');
  const more = states.length > LINKS ? ` and ${states.length - LINKS} more` : '';
  return [
    element(
      'p',
      { class: 'would-hit' },
      `Dry run: would affect ${words.join(' with ')} now${share}.`,
    ),
    states.length ? element('p', { class: 'states' }, shown + more) : null,
    advice ? element('p', { class: 'advice' }, advice) : null,
  ].filter(Boolean);
}

const stateWord = state => (typeof state === 'string' ? state : (state?.state ?? ''));

/** The report of a change in a sentence. */
function reportText(report) {
  const numbers = ['interrupted', 'closed', 'closing', 'still_running', 'still_open']
    .filter(name => typeof report[name] === 'number')
    .map(name => `${name.replaceAll('_', ' ')}: ${report[name]}`);
  const states = Object.values(report.tasks ?? report.connections ?? {}).map(stateWord);
  const stuck = states.filter(state => state === 'stuck_in_poll').length;
  if (stuck) numbers.push(`${stuck} inside one poll, which cannot be stopped from outside`);
  return numbers.length ? `Done: ${numbers.join(', ')}.` : 'Done.';
}

const reasonField = () =>
  labelled(
    'Reason, for the clients, the audit and the log',
    element('input', { name: 'reason', autocomplete: 'off', maxlength: 256, autofocus: true }),
  );

/** The fields of everything that ends tasks. */
function endFields() {
  return [
    reasonField(),
    element(
      'details',
      {},
      element('summary', {}, 'Options'),
      labelled(
        END_FIELDS.status,
        element('input', { name: 'status', inputmode: 'numeric', placeholder: '503' }),
      ),
      labelled(
        END_FIELDS.children,
        element('input', { name: 'children', type: 'checkbox', value: 'true' }),
      ),
    ),
  ];
}

const readEnd = form => ({
  params: {
    reason: form.get('reason'),
    status: form.get('status'),
    children: form.get('children'),
  },
});

function endTasks({ title, path, params, verb }) {
  return new ChangeDialog({
    title,
    path,
    params,
    fields: endFields(),
    read: readEnd,
    verb: hit => (hit === undefined ? verb : `${verb} ${plural(hit.tasks, 'task')}`),
  });
}

const interruptRoute = (id, name) =>
  endTasks({
    title: `Interrupt the requests of ${name}`,
    path: `/_routes/${encodeURIComponent(id)}/interrupt`,
    verb: 'Interrupt',
  });

const cancelTasks = ids =>
  endTasks({
    title: `Cancel ${String(ids).includes(',') ? 'tasks' : 'task'} ${ids}`,
    path: `/_tasks/${encodeURIComponent(ids)}/_cancel`,
    verb: 'Cancel',
  });

const cancelHolders = row =>
  endTasks({
    title: `Cancel the holders of ${row.resource}`,
    path: '/_tasks/_cancel',
    params: { blocking: row.resource_id },
    verb: 'Cancel',
  });

const closeConnection = id =>
  new ChangeDialog({
    title: `Close connection ${id}`,
    path: `/_connections/${id}/_close`,
    fields: [],
    verb: hit => (hit === undefined ? 'Close' : `Close ${plural(hit.connections, 'connection')}`),
  });

/** The effect of a setting in a few words; docs/settings.md has more. */
const SETTINGS = {
  delay: 'wait before the handler runs, as in 300ms',
  'interrupt.status': 'status for the clients of interrupted requests',
  'limit.active': 'requests in flight at most; further ones get 503',
  'limit.rate': 'requests per second at most; further ones get 429',
  log: 'level at which its requests are logged, as in debug',
  'preempt.headers': 'headers of the preempting response, as JSON',
  'preempt.ratio': 'share of requests to preempt, 0 to 1',
  'preempt.reason': 'reason phrase of the preempting response',
  'preempt.status': 'answer with this status at once',
  'preempt.text': 'body of the preempting response',
  slow_after: 'requests that take longer are slow, as in 1s',
  timeout: 'interrupt requests that take longer, as in 30s',
};

/** A value as it is typed: JSON where it reads as JSON, otherwise a string. */
function parseValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Values by key, in one text. */
const listed = values =>
  Object.entries(values)
    .map(([key, value]) => `${key} = ${typed(value)}`)
    .join(', ') || 'none';

/**
 * The time until the value of a key expires, `undefined` if it does not. `expires` is one text for
 * all values, or an object with one for each that expires.
 */
function timeLeft(expires, key) {
  if (typeof expires === 'string') return expires;
  return expires && Object.hasOwn(expires, key) ? expires[key] : undefined;
}

/** The keys without a value that get one back when their reset expires. */
const resetKeys = (values, expires) =>
  typeof expires === 'object'
    ? Object.keys(expires).filter(key => !Object.hasOwn(values, key))
    : [];

const expiryField = () =>
  labelled(
    'Expires in, empty for never',
    element('input', { name: 'expires_in', value: '15m', autocomplete: 'off' }),
  );

/** The body of a change that expires when the form says. A reset that did would be undone then. */
function withExpiry(transient, form) {
  const isReset = Object.values(transient).every(value => value === null);
  return { transient, expires_in: (!isReset && form.get('expires_in')) || undefined };
}

const typed = value =>
  value == null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

/** The settings of a route. Opens with what is in force now; a field that is emptied is reset. */
async function changeSettings(id, name) {
  const path = `/_routes/${encodeURIComponent(id)}/settings`;
  const params = { flat_settings: 'true' };
  const all = await getJson(path, { ...params, include_defaults: 'true' });
  const {
    transient = {},
    persistent = {},
    defaults = {},
    expires_in: expires,
  } = Object.values(all)[0] ?? {};
  const expiring = Object.keys(transient).filter(key => timeLeft(expires, key));
  const names = [
    ...new Set([...Object.keys(SETTINGS), ...Object.keys(defaults), ...Object.keys(transient)]),
  ];
  const field = key => {
    const now = typed(transient[key]);
    const unset = typed(persistent[key] ?? defaults[key]);
    const control = element('input', {
      name: key,
      value: now,
      placeholder: unset,
      autocomplete: 'off',
      spellcheck: 'false',
    });
    return element(
      'label',
      {},
      element('span', {}, element('code', {}, key), ' ', SETTINGS[key] ?? ''),
      control,
    );
  };
  const read = form => {
    // A field has no line breaks.
    const isChanged = key => form.get(key) !== typed(transient[key]).replace(/[\r\n]/g, '');
    const edited = names
      .filter(isChanged)
      .map(key => [key, form.get(key) === '' ? null : parseValue(form.get(key))]);
    const prolonged = form.has('prolong')
      ? expiring.filter(key => !isChanged(key)).map(key => [key, transient[key]])
      : [];
    const values = [...edited, ...prolonged];
    const body = withExpiry(Object.fromEntries(values), form);
    const isMixed = body.expires_in && values.some(([, value]) => value === null);
    const problem = isMixed && 'Reset and set in two steps: the expiry would undo a reset, too.';
    return { params, body, problem, isEmpty: values.length === 0 };
  };
  const common = ['limit.active', 'limit.rate', 'preempt.status', 'timeout'];
  const others = names.filter(key => !common.includes(key));
  const isOtherSet = others.some(key => key in transient);
  return new ChangeDialog({
    title: `Settings of ${name}`,
    method: 'PUT',
    path,
    read,
    about: 'Transient: in force from the next request until they expire, or the process ends.',
    fields: [
      common.map(field),
      element(
        'details',
        { open: isOtherSet },
        element('summary', {}, 'More settings'),
        others.map(field),
      ),
      expiryField(),
      expiring.length
        ? labelled(
            `Prolong, for this route: ${expiring.join(', ')}`,
            element('input', { name: 'prolong', type: 'checkbox' }),
          )
        : [],
    ],
    verb: () => 'Apply',
  });
}
