/* A classic worker: one picture in, the QR texts of that picture out. It never fetches beyond its own origin.
 *
 *   in   {frame: VideoFrame | ImageBitmap | ImageData}     once: {ready: true}, when the first picture will be read at once
 *   out  {texts: [...], how, ms}       how the picture was read: "whole" "part" "still"
 *
 * A picture in which codes were read costs little while they stay: when nothing moved since it was read whole it is not
 * read again ("still"); when something did, every other picture is first read round the places of those codes ("part"),
 * and whole as soon as one of them is missing. A second badge elsewhere is thus found one picture later at the latest.
 * Pictures without a code are always read: a code may come into focus and move nothing.
 * QR only and no inverted pass: a badge is dark on light, and the second pass doubles the time of every empty picture.
 */
importScripts("../vendor/zxing-reader.js", "luminance.js");

const OPTIONS = { formats: ["QRCode"], tryHarder: true, tryInvert: false, maxNumberOfSymbols: 4 };
const REREAD_MS = 1000;      // what creeps in below the threshold of movement is found after this
const MARGIN = 0.6;          // of a code's size, round its last place: a hand moves that far between two pictures at most
const prepared = ZXingWASM.prepareZXingModule({
  overrides: { locateFile: (name) => new URL(`../vendor/${name}`, self.location.href).href },
  fireImmediately: true,
});
let known = null;            // {texts, places, cells, at, part} of the last picture with codes

prepared.then(warm).then(() => self.postMessage({ ready: true }), (error) => self.postMessage({ error: String(error) }));

self.onmessage = async ({ data: { frame } }) => {
  const started = performance.now();
  let seen = { texts: [], how: "whole" };
  try {
    seen = await look(await luminance(frame), started);
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
  self.postMessage({ ...seen, ms: performance.now() - started });
};

async function look(picture, now) {
  if (!known) return whole(picture, now, null);
  const cells = cellsOf(picture);
  if (now - known.at < REREAD_MS && alike(cells, known.cells)) return { texts: known.texts, how: "still" };
  known.part = !known.part;
  return (known.part && await parts(picture)) || whole(picture, now, cells);
}

async function whole(picture, now, cells) {
  const codes = await read(picture);
  const texts = [...new Set(codes.map(({ text }) => text))];
  known = texts.length ? { texts, places: codes.map(({ place }) => place), cells: cells ?? cellsOf(picture), at: now, part: false } : null;
  return { texts, how: "whole" };
}

/** The codes round their last places, or null when one is missing or another came in its stead. */
async function parts(picture) {
  const codes = [];
  for (const place of known.places) codes.push(...await read(picture, around(place, picture)));
  const texts = [...new Set(codes.map(({ text }) => text))];
  if (texts.length !== known.texts.length || !texts.every((text) => known.texts.includes(text))) return null;
  known.places = codes.map(({ place }) => place);
  return { texts, how: "part" };
}

async function read(picture, box = null) {
  const results = await ZXingWASM.readBarcodes((box ? cut(picture, box) : picture).file, OPTIONS);
  return results.filter((one) => one.isValid !== false && one.text)
    .map(({ text, position }) => ({ text, place: placeOf(Object.values(position), box) }));
}

function placeOf(corners, box) {
  const xs = corners.map(({ x }) => x + (box?.left ?? 0)), ys = corners.map(({ y }) => y + (box?.top ?? 0));
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

function around({ left, right, top, bottom }, { width, height }) {
  const reach = MARGIN * Math.max(right - left, bottom - top);
  return { left: Math.max(0, Math.floor(left - reach)), right: Math.min(width, Math.ceil(right + reach)),
           top: Math.max(0, Math.floor(top - reach)), bottom: Math.min(height, Math.ceil(bottom + reach)) };
}

/** The first use of the decoder compiles it: done on an empty picture, not on the first badge. */
async function warm() {
  await ZXingWASM.readBarcodes(new TextEncoder().encode(`P5 64 64 255\n${" ".repeat(4096)}`), OPTIONS);
}
