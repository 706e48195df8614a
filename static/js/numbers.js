/* What the dashboard and the board derive from the counts: the same as admin/numbers.py, for what arrives later.
 *
 *   values(counts)                          {"service.lunch.people": 312, …, people, expected, inside}
 *   forecast(recent, people, expected, at)  [word, epoch ms or null]   word: done nobody quiet late eta
 *   peak(arrivals)                          the busiest [start, people] or null
 *   createPace(times)                       people who signed in during the last five minutes, second by second:
 *     .note(people, at, since)              the total is now `people`; newcomers came between `since` and `at`
 *     .count(at)                            times are epoch seconds throughout
 *   write(root, values)                     into every [data-n], <progress data-n data-of>, [data-if], [data-whole]
 */
const PACE_S = 300, ENOUGH = 3, FARTHEST_MS = 12 * 3600e3;

export function values(counts) {
  const flat = { expected: 0, people: 0, inside: 0 };
  for (const [what, group] of [["service", "services"], ["category", "categories"], ["delegation", "delegations"]]) {
    for (const [key, numbers] of Object.entries(counts[group])) {
      for (const [name, n] of Object.entries(numbers)) if (Number.isInteger(n)) flat[`${what}.${key}.${name}`] = n;
    }
  }
  for (const group of Object.values(counts.categories)) for (const name of Object.keys(flat).slice(0, 3)) flat[name] += group[name];
  return flat;
}

export function forecast(recent, people, expected, at) {
  const due = expected - people;
  if (due <= 0) return [expected ? "done" : "nobody", null];
  if (recent < ENOUGH) return ["quiet", null];
  const wait = PACE_S * 1000 * due / recent;
  return wait > FARTHEST_MS ? ["late", null] : ["eta", at + wait];
}

export const peak = (arrivals) => arrivals.reduce((best, one) => (!best || one[1] > best[1] ? one : best), null);

export function createPace(times, people) {
  let known = people, came = [...times];
  return {
    note(now, at, since) {
      const more = now - known;
      known = now;
      if (more < 0) came = came.slice(0, Math.max(0, came.length + more));
      for (let i = 1; i <= more; i += 1) came.push(at - Math.max(0, at - since) * (1 - i / more));
    },
    count(at) {
      came = came.filter((time) => time > at - PACE_S);
      return came.length;
    },
  };
}

export function write(root, flat) {
  for (const element of root.querySelectorAll("[data-n]")) {
    const n = flat[element.dataset.n];
    if (n === undefined) continue;
    if (element.localName === "progress") fillMeter(element, n, flat[element.dataset.of]);
    else if (element.textContent !== String(n)) element.textContent = n;
  }
  for (const element of root.querySelectorAll("[data-if]")) element.hidden = !flat[element.dataset.if];
  for (const element of root.querySelectorAll("[data-whole]")) {
    const { whole } = element.dataset;
    element.classList.toggle("whole", flat[`${whole}.people`] >= flat[`${whole}.expected`]);
  }
}

function fillMeter(element, n, of) {
  if (of !== undefined) element.max = Math.max(of, n, 1);
  element.value = Math.max(0, n);
}
