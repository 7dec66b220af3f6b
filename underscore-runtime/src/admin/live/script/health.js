// What is wrong, on top of every view.

/** Findings that are shown before a person asks for all. */
const FINDINGS = 4;

const Health = {
  status: undefined,
  all: false,

  async refresh(options) {
    const { rows } = await getRows('/_cat/health', { h: '*' }, options);
    const findings = rows.filter(row => row.symptom != null);
    const shown = Health.all ? findings : findings.slice(0, FINDINGS);
    const left = findings.length - shown.length;
    const items = shown.map(row => ({
      key: JSON.stringify([row.rule, row.subject, row.task_id]),
      row,
    }));
    reconcile(byId('findings'), items, ({ key }) => key, createFinding);
    Health.showMore(left);
    Health.setStatus(rows[0]?.status ?? 'green', findings);
  },

  showMore(left) {
    let more = byId('more-findings');
    if (!more) {
      more = button(
        '',
        () => {
          Health.all = !Health.all;
          Poll.now();
        },
        { id: 'more-findings' },
      );
      byId('health').append(more);
    }
    more.hidden = left === 0 && !Health.all;
    setText(more, Health.all ? 'Fewer' : `${left} more`);
  },

  setStatus(status, findings) {
    const badge = byId('status');
    setText(badge, status);
    setClass(badge, 'badge ' + status);
    byId('health').hidden = findings.length === 0;
    const worst = findings[0];
    document.title = `${status} · ${byId('service').textContent}`;
    if (Health.status !== status) {
      if (Health.status !== undefined || status !== 'green') {
        announce(
          worst
            ? `Health is ${status}: ${worst.symptom}, ${worst.subject}.`
            : `Health is ${status}.`,
        );
      }
      Health.status = status;
    }
  },
};

function createFinding() {
  const badge = element('span');
  const symptom = element('strong');
  const subject = element('span', { class: 'subject' });
  const evidence = element('span', { class: 'evidence' });
  const next = element('span', { class: 'next' });
  const node = element('li', {}, badge, ' ', symptom, ' ', subject, ' ', evidence, ' ', next);
  let written;
  const update = ({ row }) => {
    setClass(node, row.status);
    setText(badge, row.status);
    setClass(badge, 'badge ' + row.status);
    setText(symptom, row.symptom);
    setText(evidence, `for ${duration(row.since)}: ${row.evidence}`);
    const now = JSON.stringify([row.next, row.route_id, row.subject]);
    if (written === now) return;
    written = now;
    const ids = (row.route_id ?? '').split(',').filter(Boolean);
    subject.replaceChildren(
      ids.length === 1 ? link('#/route/' + ids[0], row.subject) : visible(row.subject),
    );
    next.replaceChildren(nextStep(row));
  };
  return { node, update };
}

/** What the API advises to do next, as a link or as a button that begins with the dry run. */
function nextStep({ next, subject }) {
  const [method, path] = next.split(' ');
  const url = new URL(path, 'http://api');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (method === 'POST') {
    const [what, argument, action] = parts;
    const params = Object.fromEntries(url.searchParams);
    const isRoute = what === '_routes';
    const verb = isRoute ? 'Interrupt' : 'Cancel';
    const title = isRoute ? `Interrupt ${subject}` : action ? `Cancel ${argument}` : 'Cancel';
    return button(title + '…', () => endTasks({ title, path: url.pathname, params, verb }), {
      class: 'danger',
      title: next,
    });
  }
  const [first, kind, argument] = parts;
  if (first === '_cat' && TABLES[kind]) {
    url.searchParams.delete('v');
    if (argument) url.searchParams.set('q', argument);
    const query = url.searchParams.toString();
    return link(`#/${kind}${query ? '?' + query : ''}`, `Show ${kind}`);
  }
  if (first === '_routes' && parts.at(-1) === 'settings' && parts.length === 3) {
    return link('#/route/' + encodeURIComponent(kind), 'Show settings');
  }
  return element('a', { href: apiUrl(path), target: '_blank', rel: 'noopener' }, next);
}
