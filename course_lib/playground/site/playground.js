// The page: galleries and sliders on one side, the network's worker on the other. What is shown is
// always the answer to the newest question: while the worker is busy, newer questions replace the
// one that waits, and every question has a number, so that a late answer replaces nothing.

const get = (id) => document.getElementById(id);
const MOST_STYLES = 4, STYLE_SIZE = 512, LARGEST_SIDE = 2048, QUICK = 0.15; // seconds
const START = { photograph: "cat", styles: ["hokusai_great_wave"] };
const wanted = Object.fromEntries(new URLSearchParams(location.search)); // { backend, threads, size }

// --- the worker: a question, and a promise of its answer ---

const worker = new Worker("network.js", { type: "module" });
const waiting = new Map();
let questions = 0;

function ask(task, values) {
  const number = ++questions;
  worker.postMessage({ number, task, ...values });
  return new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
}

worker.onmessage = ({ data }) => {
  if ("progress" in data) return void (get("bar").value = data.progress);
  const { resolve, reject } = waiting.get(data.number);
  waiting.delete(data.number);
  if ("error" in data) reject(new Error(data.error));
  else resolve(data.result);
};
worker.onerror = (event) => say(`The network cannot be started: ${event.message ?? "no module workers"}.`, true);

function say(text, bad = false) {
  Object.assign(get("status"), { textContent: text, className: bad ? "bad" : "" });
}

// --- what is chosen ---

let listing, backEnd;
let picked = ""; // the name of the photograph
const photographs = new Map(); // name -> a canvas that holds it, large
const known = {}; // style name -> { title, thumbnail, mean, std }
let chosen = []; // styles in the order of choosing: { name, weight }
const encoded = {}; // what the worker holds as "full" and as "draft"
let newest = 0, busy = false, again = false, seconds = 1; // that the last full picture took

const size = () => Number(get("size").value);
const alpha = () => Number(get("alpha").value);

// --- pictures ---

function canvasOf(source, width, height, largest = LARGEST_SIDE) {
  const scale = Math.min(1, largest / Math.max(width, height));
  const sides = { width: Math.max(1, Math.round(scale * width)), height: Math.max(1, Math.round(scale * height)) };
  const canvas = make("canvas", sides);
  const context = Object.assign(canvas.getContext("2d"), { fillStyle: "white", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const lanczos = (x) => (x ? (3 * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / 3)) / (Math.PI * x) ** 2 : 1);

// Rows of `width` pixels become rows of `side` by the filter that the course uses, and are written
// as columns: twice is a resized picture. The canvas' own filter blurs fine lines.
function resample(data, width, side) {
  const height = data.length / 4 / width, scale = Math.max(1, width / side);
  const out = new Uint8ClampedArray(4 * side * height);
  for (let x = 0; x < side; x++) {
    const centre = ((x + 0.5) * width) / side;
    const from = Math.max(0, Math.round(centre - 3 * scale)), to = Math.min(width, Math.round(centre + 3 * scale));
    const weights = Array.from({ length: to - from }, (_, i) => lanczos((from + i + 0.5 - centre) / scale));
    const sum = weights.reduce((a, b) => a + b);
    for (let y = 0; y < height; y++)
      for (let c = 0, at = 4 * (y * width + from); c < 4; c++, at++)
        out[4 * (x * height + y) + c] = weights.reduce((total, weight, i) => total + weight * data[at + 4 * i], 0) / sum;
  }
  return out;
}

// Any size becomes one whose shorter side is as asked, never longer than four times that.
function shrink(canvas, side) {
  const { width, height } = canvas, { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const scale = Math.min(side / Math.min(width, height), (4 * side) / Math.max(width, height));
  const [wide, high] = [width, height].map((length) => Math.max(16, Math.round(length * scale)));
  return new ImageData(resample(resample(data, width, wide), height, high), wide, high);
}

async function readPicture(blob, name) {
  try {
    const bitmap = await createImageBitmap(blob); // upright, whatever way the camera was held
    return canvasOf(bitmap, bitmap.width, bitmap.height);
  } catch {
    throw new Error(`${name} is not a picture that this browser can read`);
  }
}

function draw(canvas, image) {
  Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// --- painting: always the newest question, one at a time ---

// While a slider moves on a slow machine, the answer is a draft of half the size: a quarter of the work.
async function paint(moving = false) {
  const mine = ++newest;
  get("frame").classList.add("stale");
  if (!backEnd || !photographs.has(picked)) return;
  if (busy) return void (again = { moving });
  busy = true;
  again = false;
  try {
    const began = performance.now();
    const draft = moving && seconds > QUICK;
    const image = await answer(draft);
    if (!again && image) {
      draw(get("after"), image);
      if (!draft) finished(image, (performance.now() - began) / 1000);
    }
  } catch (error) {
    if (mine === newest) say(error.message, true);
  }
  busy = false;
  if (again) paint(again.moving);
}

async function answer(draft) {
  const styles = chosen.filter(({ weight }) => weight > 0).map(({ name, weight }) => ({ ...known[name], weight }));
  if (!styles.length) throw new Error("All weights are 0: raise at least one of them.");
  say("Painting …");
  const name = draft ? "draft" : "full", key = `${picked} ${size()}`;
  if (encoded[name] !== key) {
    const image = shrink(photographs.get(picked), draft ? size() / 2 : size());
    if (!draft) {
      draw(get("before"), image);
      get("frame").style.setProperty("--shape", image.width / image.height);
    }
    await ask("photograph", { name, image });
    encoded[name] = key;
  }
  return again ? null : ask("paint", { name, styles, alpha: alpha() });
}

function finished(image, took) {
  seconds = took;
  get("frame").classList.remove("stale");
  get("download").disabled = false;
  const names = chosen.map(({ name }) => known[name].title).join(", ");
  get("after").ariaLabel = `The photograph in the style of ${names}, alpha ${alpha().toFixed(2)}`;
  say(`${image.width} × ${image.height} pixels in ${took.toFixed(2)} s, on ${backEnd}.`);
}

// --- galleries ---

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function thumbnail(kind, type, { name, title, thumbnail: src }) {
  const image = make("img", { src, alt: title, loading: "lazy", width: 144, height: 144 });
  return make("label", { className: "thumbnail", title }, make("input", { type, name: kind, value: name }), image);
}

function addOwn(kind, type, name, title, canvas) {
  const file = canvasOf(canvas, canvas.width, canvas.height, 200).toDataURL("image/jpeg");
  document.querySelector(`#${kind}s .gallery`).prepend(thumbnail(kind, type, { name, title, thumbnail: file }));
  return document.querySelector(`#${kind}s .gallery input`);
}

async function load(file) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file} could not be loaded (${answer.status})`);
  return answer;
}

async function choosePhotograph(name) {
  picked = name;
  if (!photographs.has(name)) {
    const { file, title } = listing.photographs.find((entry) => entry.name === name);
    photographs.set(name, await readPicture(await (await load(file)).blob(), title));
  }
  if (picked === name) await paint(); // else another was chosen meanwhile
}

function chooseStyles() {
  const boxes = [...document.querySelectorAll("#styles input")];
  const names = boxes.filter((box) => box.checked).map((box) => box.value);
  chosen = chosen.filter(({ name }) => names.includes(name));
  for (const name of names) if (!chosen.some((style) => style.name === name)) chosen.push({ name, weight: 1 });
  // One too many: the one that was chosen first makes room. None: the last one stays.
  while (chosen.length > MOST_STYLES) boxes.find((box) => box.value === chosen[0].name).checked = !chosen.shift();
  showMixture();
}

function showMixture() {
  get("mixture").hidden = chosen.length < 2;
  get("mixture").querySelectorAll("label").forEach((label) => label.remove());
  for (const style of chosen) {
    const { title, thumbnail: src } = known[style.name];
    const input = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: style.weight });
    input.ariaLabel = `Weight of ${title}`;
    const label = make("label", { className: "slider" }, make("img", { src, alt: "", title }), input, make("output"));
    get("mixture").append(label);
    follow(input, () => (style.weight = Number(input.value)));
  }
}

// A slider shows its value beside it, paints while it moves, and once more where it is left.
function follow(input, changed = () => {}) {
  const show = () => (input.nextElementSibling.textContent = Number(input.value).toFixed(2));
  input.addEventListener("input", () => (show(), changed(), paint(true)));
  input.addEventListener("change", () => paint());
  show();
}

// --- the visitor's own pictures ---

function pickFile() {
  const input = get("file");
  input.value = "";
  input.click();
  return new Promise((resolve) => (input.onchange = () => resolve(input.files[0])));
}

async function ownPhotograph(canvas, title) {
  const name = `own ${photographs.size}`;
  photographs.set(name, canvas);
  addOwn("photograph", "radio", name, title, canvas).checked = true;
  await choosePhotograph(name);
}

async function ownStyle(file) {
  const canvas = await readPicture(file, file.name);
  say("Measuring the painting …");
  const measured = await ask("style", { image: shrink(canvas, Math.min(STYLE_SIZE, 2 * size())) });
  const name = `own ${Object.keys(known).length}`;
  const box = addOwn("style", "checkbox", name, file.name, canvas);
  known[name] = { title: file.name, thumbnail: box.nextSibling.src, ...measured };
  box.checked = true;
  chooseStyles();
  await paint();
}

const orSay = (work) => (event) => work(event).catch((error) => say(error.message, true));

async function findCamera() {
  const devices = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []);
  get("take").hidden = !devices?.some(({ kind }) => kind === "videoinput");
}

async function openCamera() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: 1280 } });
  get("video").srcObject = stream;
  get("camera").onclose = () => stream.getTracks().forEach((track) => track.stop());
  get("camera").showModal();
}

function snap() {
  const { videoWidth: width, videoHeight: height } = get("video");
  if (width) ownPhotograph(canvasOf(get("video"), width, height), "Your photograph"); // else it has not begun
  get("camera").close();
}

// --- beginning ---

function download() {
  const name = `painting_${chosen.map(({ name }) => name.replace(/\W/g, "_")).join("_")}.png`;
  get("after").toBlob((blob) => {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

function reset() {
  for (const [id, value] of [["alpha", 1], ["divider", 0]]) {
    get(id).value = value;
    get(id).dispatchEvent(new Event("input"));
  }
  for (const box of document.querySelectorAll("#styles input")) box.checked = START.styles.includes(box.value);
  const inputs = [...document.querySelectorAll("#photographs input")];
  const first = inputs.find(({ value }) => value === START.photograph) ?? inputs[0];
  first.checked = true;
  chosen = [];
  chooseStyles();
  return choosePhotograph(first.value);
}

async function start() {
  say("Loading the network …");
  listing = await (await load("site.json")).json();
  const numbers = new Float32Array(await (await load("styles.bin")).arrayBuffer());
  listing.styles.forEach((style, k) => {
    const at = 1024 * k; // 512 means, then 512 standard deviations
    known[style.name] = { ...style, mean: numbers.slice(at, at + 512), std: numbers.slice(at + 512, at + 1024) };
  });
  const fill = (kind, type) => document.querySelector(`#${kind}s .gallery`).append(
    ...listing[`${kind}s`].map((entry) => thumbnail(kind, type, entry)));
  fill("photograph", "radio");
  fill("style", "checkbox");
  if (!known[START.styles[0]]) START.styles = [listing.styles[0].name];
  const first = reset();
  if (wanted.size) get("size").value = wanted.size;
  findCamera();
  const { backend, threads } = await ask("start", { listing, wanted: { backend: wanted.backend, threads: Number(wanted.threads) } });
  backEnd = backend === "webgpu" ? "the graphics card" : threads > 1 ? `${threads} threads` : "one thread";
  get("bar").hidden = true;
  get("reset").disabled = false;
  await first;
  await paint();
}

get("photographs").addEventListener("change", orSay((event) => choosePhotograph(event.target.value)));
get("styles").addEventListener("change", (event) => {
  if (!document.querySelector("#styles input:checked")) event.target.checked = true; // the last one stays
  chooseStyles();
  paint();
});
follow(get("alpha"));
get("size").addEventListener("change", () => paint());
get("divider").addEventListener("input", () => get("frame").style.setProperty("--at", get("divider").value / 100));
get("download").addEventListener("click", download);
get("reset").addEventListener("click", orSay(reset));
get("choose").addEventListener("click", orSay(async () => {
  const file = await pickFile();
  await ownPhotograph(await readPicture(file, file.name), file.name);
}));
get("own").addEventListener("click", orSay(async () => ownStyle(await pickFile())));
get("take").addEventListener("click", orSay(openCamera));
get("snap").addEventListener("click", snap);
get("cancel").addEventListener("click", () => get("camera").close());
get("controls").addEventListener("submit", (event) => event.preventDefault());
start().catch((error) => say(error.message, true));
