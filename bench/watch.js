/* Runs in the gate's page, beside it: when each numbered picture was taken, and when each verdict stood on the screen. */
({ bits, square, seen, each, rate }) => {
  const video = document.querySelector("video"), verdict = document.getElementById("verdict");
  const pen = Object.assign(document.createElement("canvas"), { width: bits, height: 1 }).getContext("2d", { willReadFrequently: true });
  const watch = window.watch = { came: {}, stood: [], pictures: 0 };

  function numberOf() {
    pen.drawImage(video, 0, 0, bits * square, square, 0, 0, bits, 1);
    const dots = pen.getImageData(0, 0, bits, 1).data;
    return Array.from({ length: bits }, (_, bit) => (dots[bit * 4] > 127 ? 1 << bit : 0)).reduce((sum, one) => sum + one, 0);
  }

  /* A picture that this watch missed counts as well: the first one seen of a badge says how many came before it. */
  function look(now, { captureTime }) {
    const number = numberOf(), badge = Math.floor(number / each), late = number % each;
    watch.pictures += 1;
    if (late < seen && !(badge in watch.came)) watch.came[badge] = (captureTime ?? now) - late * 1000 / rate;
    video.requestVideoFrameCallback(look);
  }
  video.requestVideoFrameCallback(look);

  const painted = new MessageChannel();
  let waiting = [];
  painted.port1.onmessage = () => { watch.stood.push(...waiting.map(() => performance.now())); waiting = []; };
  new MutationObserver(() => {
    if (!["accepted", "refused"].includes(verdict.dataset.verdict) || verdict.dataset.scanId === watch.last) return;
    watch.last = verdict.dataset.scanId;
    waiting.push(watch.last);
    requestAnimationFrame(() => painted.port2.postMessage(null));     // after the frame in which it is drawn
  }).observe(verdict, { attributes: true });
}
