/* A classic worker: one picture in, the QR texts of that picture out. It never fetches beyond its own origin.
 *
 *   in   {frame: ImageBitmap | ImageData, stamp}        out   {texts: [...], stamp, ms}        once: {ready: true}
 *
 * QR only and no inverted pass: a badge is dark on light, and the second pass doubles the time of every empty frame.
 */
importScripts("../vendor/zxing-reader.js");

const OPTIONS = { formats: ["QRCode"], tryHarder: true, tryInvert: false, maxNumberOfSymbols: 4 };
const prepared = ZXingWASM.prepareZXingModule({
  overrides: { locateFile: (name) => new URL(`../vendor/${name}`, self.location.href).href },
  fireImmediately: true,
});
let context = null;

prepared.then(() => self.postMessage({ ready: true }), (error) => self.postMessage({ error: String(error) }));

self.onmessage = async ({ data: { frame, stamp } }) => {
  const started = performance.now();
  let texts = [];
  try {
    const results = await ZXingWASM.readBarcodes(pixels(frame), OPTIONS);
    texts = [...new Set(results.filter((one) => one.isValid !== false && one.text).map((one) => one.text))];
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
  self.postMessage({ texts, stamp, ms: performance.now() - started });
};

function pixels(frame) {
  if (frame instanceof ImageData) return frame;
  const { width, height } = frame;
  if (!context || context.canvas.width !== width || context.canvas.height !== height) {
    context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  }
  context.drawImage(frame, 0, 0);
  frame.close();
  return context.getImageData(0, 0, width, height);
}
