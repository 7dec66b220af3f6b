// Values as a person reads them. Columns have the API's names; these tell their units.

const DURATIONS = new Set([
  'age',
  'idle_for',
  'in_poll_for',
  'last_passed',
  'newest',
  'oldest',
  'running_time',
  'since',
  'slowest_for',
  'took',
  'waiting_time',
  'stats.blocked.time',
  'stats.blocked.time_max',
]);
const SIZES = new Set(['bytes_in', 'bytes_out', 'bytes_sent', 'size']);
const PERCENTAGES = new Set(['busy_1m', 'share_1m']);
const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'm'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
];

/** Seconds with a unit, as in `4.2s`. */
function duration(seconds) {
  if (seconds === 0) return '0s';
  const [unit, name] = UNITS.find(([unit]) => seconds >= unit) ?? [1e-9, 'ns'];
  const value = seconds / unit;
  return (value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value)) + name;
}

function size(bytes) {
  const units = ['b', 'kb', 'mb', 'gb'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return (unit === 0 ? bytes : bytes.toFixed(1)) + units[unit];
}

/** The text of a cell. A missing value is `-`, as in the API's tables. */
function cellText(column, value) {
  if (value == null) return '-';
  if (typeof value !== 'number') return visible(String(value));
  if (DURATIONS.has(column) || column.startsWith('stats.resp.time_')) return duration(value);
  if (SIZES.has(column)) return size(value);
  if (PERCENTAGES.has(column)) return value.toFixed(1) + ' %';
  return String(Math.round(value * 1000) / 1000);
}

/** A heading without the groups of its name, as the API's aliases have it: `p99_1m`. */
const heading = column =>
  column.replace(/^stats\.(req|resp|end)\./, '').replace(/^(time|status)_/, '');

/** True for a column of numbers, also where one is missing. */
const isNumeric = (column, value) =>
  typeof value === 'number' ||
  DURATIONS.has(column) ||
  SIZES.has(column) ||
  PERCENTAGES.has(column) ||
  column.startsWith('stats.');

/** The time of day of a moment in milliseconds, in UTC as everywhere in the API. */
const timeOfDay = millis => new Date(millis).toISOString().slice(11, 19);

const plural = (count, one, many = one + 's') => `${count} ${count === 1 ? one : many}`;

/** A word of a command line, quoted for a POSIX shell. */
const quoted = text => `'${text.replaceAll("'", `'\\''`)}'`;
