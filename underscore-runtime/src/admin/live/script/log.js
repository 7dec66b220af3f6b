// The log levels of targets and routes.

const LEVELS = ['off', 'error', 'warn', 'info', 'debug', 'trace'];

/** Sets the level of a target; no level is that of the service's own filter. */
const changeLevel = (target = '', level = 'debug') =>
  new ChangeDialog({
    title: 'Log level of a target',
    method: 'PUT',
    path: '/_logger',
    fields: [
      labelled(
        'Target: the beginning of those that it applies to, as in sqlx; * is every other one',
        element('input', {
          name: 'target',
          value: target,
          autocomplete: 'off',
          spellcheck: 'false',
        }),
      ),
      labelled(
        'Level',
        element(
          'select',
          { name: 'level' },
          [...LEVELS, ''].map(value =>
            element('option', { value, selected: value === level }, value || "the service's own"),
          ),
        ),
      ),
      expiryField(),
    ],
    read: form => {
      const target = form.get('target').trim();
      const transient = { [target]: form.get('level') || null };
      return { body: withExpiry(transient, form), isEmpty: target === '' };
    },
    verb: () => 'Apply',
    describe: ({ transient, max_level: max }) => [
      element('p', { class: 'would-hit' }, `Dry run: levels would be ${listed(transient)}.`),
      element('p', { class: 'states' }, `The most detailed one is ${max} now.`),
    ],
  });

class LogView {
  constructor() {
    this.facts = new Facts();
    this.none = element('p');
    this.rows = element('tbody');
    this.node = element(
      'div',
      {},
      element('h2', {}, 'Log levels'),
      this.facts.node,
      this.none,
      scrollable(
        'log levels',
        element('caption', { class: 'unseen' }, 'log levels'),
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            ['target or route', 'level', 'expires in', 'actions'].map(name =>
              element('th', { scope: 'col' }, name),
            ),
          ),
        ),
        this.rows,
      ),
      element(
        'p',
        { class: 'buttons' },
        button('Set a level…', () => changeLevel()),
      ),
    );
  }

  async refresh(options) {
    const {
      filters,
      transient,
      routes,
      expires_in: expires,
      ...levels
    } = await getJson('/_logger', {}, options);
    const bases = filters.map(({ base, made_at: place }) => `${base || 'off'} (${place})`);
    this.facts.show({
      "the service's own": bases.join('; '),
      'most detailed now': levels.max_level,
      'most detailed in this build': levels.static_max_level,
    });
    const rows = [
      ...Object.entries(transient).map(([target, level]) => ({
        target,
        level,
        left: timeLeft(expires, target),
      })),
      ...Object.entries(routes).map(([route, level]) => ({
        route,
        level,
        left: 'see its settings',
      })),
    ];
    const isUnset = rows.length === 0 && 'No level is set.';
    const isMissing =
      bases.length === 0 && 'No layer of the log has a filter of underscore_runtime::log_filter.';
    setText(this.none, isMissing || isUnset || '');
    const key = ({ route, target }) => (route ? 'route ' + route : 'target ' + target);
    reconcile(this.rows, rows, key, row => this.createRow(row));
  }

  createRow({ route, target, level: first }) {
    const [level, left] = [element('td'), element('td')];
    const name = route ? link('#/route/' + route, 'route ' + route) : target;
    const change = route
      ? button('Change settings…', () => changeSettings(route, 'route ' + route).catch(fail), {
          'aria-label': `Change settings of route ${route}…`,
        })
      : button('Change…', () => changeLevel(target, first), {
          'aria-label': `Change the level of ${target}…`,
        });
    const node = element('tr', {}, element('td', {}, name), level, left, element('td', {}, change));
    const update = row => {
      setText(level, row.level);
      setText(left, row.left ?? '-');
    };
    return { node, update };
  }
}
