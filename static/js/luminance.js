/* A picture's brightness for the decoder, as a PGM file: "P5 width height 255\n", then a byte a pixel. Classic script.
 *
 *   luminance(frame) -> {file, pixels, width, height}   frame: VideoFrame | ImageBitmap | ImageData; it is closed
 *   cut(picture, {left, top, right, bottom}) -> picture of that part
 *   cellsOf(picture) -> the mean brightness of 64 x 36 cells;  alike(cells, cells) -> nothing moved but noise
 *
 * Ways tried (Chromium, 720p, no GPU; ms p50 from the frame's callback to the decoded text): ImageBitmap, canvas and
 * getImageData 16-19; getImageData on the page 19, of which 6 hold up the page; VideoFrame and canvas 14-15; VideoFrame and
 * copyTo 6. A camera's frame is I420 or NV12, whose first plane is the brightness that the decoder wants: copyTo lands it
 * behind the header, and no colour is ever made. PGM is the one greyscale input that the decoder's public API takes.
 * Frames in another format (some Android cameras give textures) and browsers without WebCodecs (iPadOS before 16.4)
 * go through a canvas.
 */
const PLANAR = { I420: 1, NV12: 2 };            // bytes of a chroma row per two pixels, in its first plane
const COLUMNS = 64, ROWS = 36, TAPS = 4;
const NOISE = 12;                               // of 255: a cell is the mean of 16 pixels, sensor noise moves it by 3 or 4
let context = null;
let shelf = null;                               // one buffer, used again: one picture is under way at a time

async function luminance(frame) {
  try {
    if (PLANAR[frame.format]) return await planes(frame).catch(() => drawn(frame));
    return frame instanceof ImageData ? grey(frame) : drawn(frame);
  } finally {
    frame.close?.();
  }
}

async function planes(frame) {
  const { width, height } = frame.visibleRect;
  const pair = Math.ceil(width / 2), rows = Math.ceil(height / 2);
  const picture = blank(width, height, 2 * pair * rows);
  const start = picture.pixels.byteOffset;
  const chroma = start + width * height;
  const layout = frame.format === "NV12"
    ? [{ offset: start, stride: width }, { offset: chroma, stride: 2 * pair }]
    : [{ offset: start, stride: width }, { offset: chroma, stride: pair }, { offset: chroma + pair * rows, stride: pair }];
  await frame.copyTo(picture.file.buffer, { layout });
  return picture;
}

function drawn(frame) {
  const width = frame.displayWidth ?? frame.width, height = frame.displayHeight ?? frame.height;
  if (context?.canvas.width !== width || context.canvas.height !== height) {
    context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  }
  context.drawImage(frame, 0, 0);
  return grey(context.getImageData(0, 0, width, height));
}

/** ITU-R BT.601, as the decoder weighs colours itself. */
function grey({ data, width, height }) {
  const picture = blank(width, height);
  for (let at = 0, from = 0; from < data.length; at += 1, from += 4) {
    picture.pixels[at] = (306 * data[from] + 601 * data[from + 1] + 117 * data[from + 2] + 512) >> 10;
  }
  return picture;
}

/** A picture to fill; `spare` bytes of the buffer lie behind it and are no part of the file. */
function blank(width, height, spare = 0, keep = true) {
  const header = new TextEncoder().encode(`P5 ${width} ${height} 255\n`);
  const length = header.length + width * height;
  let buffer = keep ? shelf : null;
  if (buffer?.byteLength !== length + spare) buffer = new ArrayBuffer(length + spare);
  if (keep) shelf = buffer;
  const file = new Uint8Array(buffer, 0, length);
  file.set(header);
  return { file, pixels: file.subarray(header.length), width, height };
}

function cut({ pixels, width }, { left, top, right, bottom }) {
  const part = blank(right - left, bottom - top, 0, false);
  for (let y = top; y < bottom; y += 1) {
    part.pixels.set(pixels.subarray(y * width + left, y * width + right), (y - top) * part.width);
  }
  return part;
}

function cellsOf({ pixels, width, height }) {
  const cells = new Uint8Array(COLUMNS * ROWS);
  const taps = (size, parts) => Array.from({ length: parts * TAPS }, (_, tap) => Math.floor((tap + 0.5) * size / parts / TAPS));
  const across = taps(width, COLUMNS), down = taps(height, ROWS);
  for (let cell = 0; cell < cells.length; cell += 1) {
    const x = (cell % COLUMNS) * TAPS, y = Math.floor(cell / COLUMNS) * TAPS;
    let sum = 0;
    for (let j = y; j < y + TAPS; j += 1) for (let i = x; i < x + TAPS; i += 1) sum += pixels[down[j] * width + across[i]];
    cells[cell] = sum / (TAPS * TAPS);
  }
  return cells;
}

const alike = (one, other) => one.every((value, at) => Math.abs(value - other[at]) <= NOISE);

Object.assign(self, { luminance, cut, cellsOf, alike });
