// A profile, and its flame graph: the outermost frames at the top, as wide as their time.

/** The least share of the width that is drawn. */
const LEAST_SHARE = 0.002;

/** Maximum number of frames that are drawn, the heaviest first. */
const MAX_FRAMES = 2_000;

/** Frames with the time of all stacks that go through them. */
function flameTree(stacks) {
  const root = { name: 'all requests', time: 0, inside: new Map() };
  for (const stack of stacks) {
    const route =
      [stack.method, stack.path].filter(Boolean).join(' ') || stack.name || 'other work';
    const frames = stack.frames.map(({ awaiting, function: of, where }) => ({
      name: awaiting ?? of ?? where,
      about: [of, where].filter(Boolean).join(' at '),
    }));
    const running =
      stack.type === 'run' ? [{ name: 'running', about: 'inside a poll', isRunning: true }] : [];
    let flame = root;
    root.time += stack.request_time_in_seconds;
    for (const frame of [{ name: route, about: 'route' }, ...frames, ...running]) {
      const key = frame.name + '\n' + frame.about;
      if (!flame.inside.has(key)) flame.inside.set(key, { ...frame, time: 0, inside: new Map() });
      flame = flame.inside.get(key);
      flame.time += stack.request_time_in_seconds;
    }
  }
  return root;
}

/** The same hue for a name each time, as in the SVG of the API a warm one. */
function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return (hash % 40) + 20;
}

class FlameGraph {
  constructor(stacks) {
    this.root = flameTree(stacks);
    this.about = element(
      'p',
      { class: 'about', role: 'status' },
      'Choose a frame to read it and to zoom; the topmost shows all again.',
    );
    this.graph = element('div', { class: 'flames', role: 'group', 'aria-label': 'Flame graph' });
    this.node = element('div', {}, this.graph, this.about);
    this.draw(this.root, []);
  }

  /** Draws `top` over the whole width, below the frames that it is inside of. */
  draw(top, around) {
    const frames = [];
    around.forEach((flame, depth) =>
      frames.push({ flame, depth, left: 0, width: 1, path: around.slice(0, depth) }),
    );
    let layer = [{ flame: top, depth: around.length, left: 0, width: 1, path: around }];
    while (layer.length && frames.length < MAX_FRAMES) {
      frames.push(...layer);
      layer = layer
        .flatMap(({ flame, depth, left, width, path }) => {
          const inside = [...flame.inside.values()].sort((a, b) => b.time - a.time);
          return inside.map(child => {
            const share = flame.time > 0 ? (width * child.time) / flame.time : 0;
            const placed = {
              flame: child,
              depth: depth + 1,
              left,
              width: share,
              path: [...path, flame],
            };
            left += share;
            return placed;
          });
        })
        .filter(({ width }) => width >= LEAST_SHARE);
    }
    this.graph.replaceChildren(...frames.slice(0, MAX_FRAMES).map(frame => this.frame(frame)));
    const depths = frames.map(({ depth }) => depth);
    this.graph.style.height = `${(Math.max(...depths) + 1) * 1.5}rem`;
  }

  frame({ flame, depth, left, width, path }) {
    const share = this.root.time > 0 ? (flame.time / this.root.time) * 100 : 0;
    const of = flame.about ? ', ' + flame.about : '';
    const about = `${flame.name}: ${duration(flame.time)}, ${share.toFixed(1)} %${of}`;
    const node = button(
      flame.name,
      () => {
        this.draw(flame, path);
        setText(this.about, about);
        this.graph.children[path.length]?.focus();
      },
      {
        title: about,
        'aria-label': about,
        class: depth === 0 ? 'all' : depth === 1 ? 'of-route' : flame.isRunning ? 'running' : '',
      },
    );
    Object.assign(node.style, {
      left: left * 100 + '%',
      width: width * 100 + '%',
      top: depth * 1.5 + 'rem',
    });
    if (depth > 1 && !flame.isRunning) node.style.setProperty('--hue', hue(flame.name));
    return node;
  }
}

class ProfileView {
  constructor(_, params) {
    this.seconds = element('input', {
      name: 'seconds',
      type: 'number',
      min: 1,
      max: 60,
      value: params.seconds ?? 10,
    });
    this.routes = element('input', {
      name: 'routes',
      type: 'search',
      placeholder: ROUTES_FILTER.placeholder,
      value: params.routes ?? '',
      autocomplete: 'off',
    });
    this.type = element(
      'select',
      { name: 'type' },
      [
        ['', 'all'],
        ['wait', 'waiting'],
        ['run', 'running'],
      ].map(([value, label]) => element('option', { value }, label)),
    );
    this.start = element('button', {}, 'Profile');
    this.progress = element('p', { role: 'status' });
    this.problem = element('p', { class: 'problem', role: 'alert' });
    this.result = element('div');
    this.node = element(
      'div',
      {},
      element('h2', {}, 'Profile'),
      element(
        'form',
        { class: 'filters', submit: event => this.profile(event) },
        labelled('Seconds', this.seconds),
        labelled('Routes', this.routes),
        labelled('Requests that are', this.type),
        this.start,
      ),
      this.progress,
      this.problem,
      this.result,
    );
  }

  async refresh() {}

  async profile(event) {
    event.preventDefault();
    const params = {
      seconds: this.seconds.value,
      routes: this.routes.value,
      type: this.type.value,
    };
    this.start.disabled = true;
    setText(this.problem, '');
    setText(this.progress, `Sampling for ${params.seconds} seconds…`);
    try {
      const patience = (Number(params.seconds) + 30) * 1000;
      this.show(await getJson('/_profile', { ...params, format: 'json' }, { patience }), params);
    } catch (error) {
      setText(this.progress, '');
      setText(this.problem, explain(error));
    }
    this.start.disabled = false;
  }

  show(profile, params) {
    setText(
      this.progress,
      `${plural(profile.samples, 'sample')} in ${duration(profile.length_in_seconds)}.`,
    );
    const other = (format, label) =>
      element(
        'a',
        { href: apiUrl('/_profile', { ...params, format }), target: '_blank', rel: 'noopener' },
        label,
      );
    const heaviest = profile.stacks.slice(0, 10).map(stack => {
      const frame = stack.frames.at(-1) ?? {};
      return element(
        'tr',
        {},
        element('td', { class: 'number' }, duration(stack.request_time_in_seconds)),
        element('td', {}, `${stack.method ?? ''} ${stack.path ?? ''}`),
        element('td', {}, stack.type),
        element('td', {}, frame.where ?? '-'),
        element('td', {}, frame.awaiting ?? frame.function ?? '-'),
      );
    });
    const headings = ['time', 'route', 'type', 'where', 'awaiting'].map(text =>
      element('th', { scope: 'col' }, text),
    );
    this.result.replaceChildren(
      profile.stacks.length
        ? new FlameGraph(profile.stacks).node
        : element('p', {}, 'No request was in flight.'),
      element('h3', {}, 'Heaviest stacks'),
      scrollable(
        'Heaviest stacks',
        element('thead', {}, element('tr', {}, headings)),
        element('tbody', {}, heaviest),
      ),
      element(
        'p',
        {},
        `Sampled again for ${params.seconds} seconds: `,
        other('svg', 'as a file'),
        ', ',
        other('text', 'as folded stacks'),
        ', ',
        other('pprof', 'for go tool pprof'),
      ),
    );
  }
}
