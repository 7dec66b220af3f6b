// The log levels of targets and routes.

const LEVELS = ['off', 'error', 'warn', 'info', 'debug', 'trace'];

/** The level of a target for which none is set. */
const OWN_LEVEL = "the service's own";

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
            element('option', { value, selected: value === level }, value || OWN_LEVEL),
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
      element('p', { class: 'states' }, `Most detailed level in force: ${max}.`),
    ],
  });

class LogView {
  constructor() {
    this.facts = new Facts();
    this.about = element('p');
    this.rows = element('tbody');
    this.node = element(
      'div',
      {},
      element('h2', {}, 'Log levels'),
      this.facts.node,
      this.about,
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
      routes_expires_in: routesExpire = {},
      ...levels
    } = await getJson('/_logger', {}, options);
    const bases = filters.map(({ base, made_at: place }) => `${base || 'off'} (${place})`);
    this.facts.show({
      [OWN_LEVEL]: bases.join('; '),
      'most detailed now': levels.max_level,
      'most detailed in this build': levels.static_max_level,
    });
    const targets = [...Object.keys(transient), ...resetKeys(transient, expires)];
    const ofRoutes = Object.entries(routes);
    const rows = [
      ...targets.map(target => ({
        target,
        level: Object.hasOwn(transient, target) ? transient[target] : '',
        left: timeLeft(expires, target),
      })),
      ...ofRoutes
        .slice(0, ROWS)
        .map(([route, level]) => ({ route, level, left: routesExpire[route] })),
    ];
    const rest = ofRoutes.length - ROWS;
    const about =
      bases.length === 0
        ? 'No layer of the log has a filter of underscore_runtime::log_filter.'
        : rows.length === 0
          ? 'No level is set.'
          : rest > 0
            ? `${plural(rest, 'more route')} not shown.`
            : '';
    setText(this.about, about);
    const key = ({ route, target }) => (route ? 'route ' + route : 'target ' + target);
    reconcile(this.rows, rows, key, row => this.createRow(row));
  }

  createRow({ route, target }) {
    const [level, left] = [element('td'), element('td')];
    let now;
    const name = route ? link('#/route/' + route, 'route ' + route) : target;
    const change = route
      ? button('Change settings…', () => changeSettings(route, 'route ' + route).catch(fail), {
          'aria-label': `Change settings of route ${route}…`,
        })
      : button('Change…', () => changeLevel(target, now), {
          'aria-label': `Change the level of ${target}…`,
        });
    const node = element('tr', {}, element('td', {}, name), level, left, element('td', {}, change));
    const update = row => {
      now = row.level;
      setText(level, now || OWN_LEVEL);
      setText(left, row.left ?? '-');
    };
    return { node, update };
  }
}
