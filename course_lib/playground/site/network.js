// The style transfer itself, in a worker, so that the page stays awake while it computes.
//
//   photograph --encoder--> features --AdaIN with a style's statistics--> target --decoder--> picture
//
// Encoder and decoder are files that the runtime executes; AdaIN is the arithmetic below. Features
// and statistics are kept, so that a new alpha or mixture costs one pass of the decoder and no more.

const CHANNELS = 512, EPSILON = 1e-5; // of relu4_1, and inside the square root
const MOST_THREADS = 8;
let ort, encoder, decoder;
const photographs = new Map(); // size name -> { features, own, width, height }

// --- loading ---

let received = 0;

async function load(file, size, total) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file} could not be loaded (${answer.status})`);
  const bytes = new Uint8Array(size), reader = answer.body.getReader();
  for (let at = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value, at);
    at += value.length;
    received += value.length;
    postMessage({ progress: received / total });
  }
  return bytes;
}

// The graphics card where the browser offers it, all threads where the web host's headers allow it,
// one thread anywhere else. `wanted` is for measuring: { backend, threads }.
async function start({ listing, wanted }) {
  const card = wanted.backend !== "wasm" && (await navigator.gpu?.requestAdapter().catch(() => null));
  for (const backend of card ? ["webgpu", "wasm"] : ["wasm"]) {
    try {
      return await open(backend, listing, wanted.threads);
    } catch (error) {
      if (backend === "wasm") throw error; // a card that cannot do it: go on without it
    }
  }
}

async function open(backend, { back_ends, bytes }, threads) {
  const [module, , program] = back_ends[backend];
  const files = [program, "encoder.onnx", "decoder.onnx"];
  const total = files.reduce((sum, file) => sum + bytes[file], 0);
  received = 0;
  const loaded = await Promise.all(files.map((file) => load(file, bytes[file], total)));
  ort = await import(`./${module}`);
  const most = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
  ort.env.wasm.wasmPaths = new URL("ort/", location.href).href;
  ort.env.wasm.wasmBinary = loaded[0].buffer;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? threads || most : 1;
  const options = { executionProviders: [backend] };
  encoder = await ort.InferenceSession.create(loaded[1], options);
  decoder = await ort.InferenceSession.create(loaded[2], options);
  // A first, tiny picture: what does not work fails here, where there is still a choice.
  await decode(await encode(new ImageData(16, 16)));
  return { backend, threads: ort.env.wasm.numThreads };
}

// --- pictures and numbers ---

// Three planes of numbers in [0, 1], mirrored at the right and the lower edge up to multiples of 8,
// because the encoder halves the picture three times.
function toTensor({ data, width, height }) {
  const w = 8 * Math.ceil(width / 8), h = 8 * Math.ceil(height / 8);
  const values = new Float32Array(3 * w * h);
  const mirror = (i, n) => (i < n ? i : 2 * n - 2 - i);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const pixel = 4 * (mirror(y, height) * width + mirror(x, width));
      for (let c = 0; c < 3; c++) values[c * w * h + y * w + x] = data[pixel + c] / 255;
    }
  return new ort.Tensor("float32", values, [1, 3, h, w]);
}

// And back: red, green, blue and opacity for every pixel, without what was mirrored.
function toImage(values, [, , h, w], width, height) {
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const pixel = 4 * (y * width + x);
      for (let c = 0; c < 3; c++) image.data[pixel + c] = Math.round(255 * values[c * w * h + y * w + x]);
      image.data[pixel + 3] = 255;
    }
  return image;
}

const encode = async (image) => (await encoder.run({ image: toTensor(image) })).features;

async function decode(features, width = 16, height = 16) {
  const { picture } = await decoder.run({ features });
  return toImage(await picture.getData(), picture.dims, width, height);
}

// --- AdaIN ---

// Mean and standard deviation of each of the 512 channels: how strongly does a filter fire in the
// picture, and how much does that vary from place to place?
function statistics(values) {
  const places = values.length / CHANNELS;
  const mean = new Float32Array(CHANNELS), std = new Float32Array(CHANNELS);
  for (let c = 0; c < CHANNELS; c++) {
    let sum = 0, squares = 0;
    for (let i = c * places; i < (c + 1) * places; i++) sum += values[i];
    mean[c] = sum / places;
    for (let i = c * places; i < (c + 1) * places; i++) squares += (values[i] - mean[c]) ** 2;
    std[c] = Math.sqrt(squares / places + EPSILON);
  }
  return { mean, std };
}

// Styles mix by averaging their statistics, with weights that sum to 1.
function mix(styles) {
  const total = styles.reduce((sum, { weight }) => sum + weight, 0);
  const average = (key) => styles[0][key].map((_, c) =>
    styles.reduce((sum, style) => sum + (style.weight / total) * style[key][c], 0));
  return { mean: average("mean"), std: average("std") };
}

// AdaIN gives every channel the style's mean and standard deviation; alpha goes there from the
// photograph's own. Both together are one multiplication and one addition for every number:
//   (1 - alpha) * c + alpha * (style.std * (c - own.mean) / own.std + style.mean)
function restyle(features, own, style, alpha) {
  const target = new Float32Array(features.length), places = features.length / CHANNELS;
  for (let c = 0; c < CHANNELS; c++) {
    const ratio = style.std[c] / own.std[c];
    const scale = 1 - alpha + alpha * ratio;
    const shift = alpha * (style.mean[c] - ratio * own.mean[c]);
    for (let i = c * places; i < (c + 1) * places; i++) target[i] = scale * features[i] + shift;
  }
  return target;
}

// --- what the page asks for ---

const tasks = {
  start,
  // Encode a photograph once; `name` tells the full size from the draft.
  async photograph({ name, image }) {
    const encoded = await encode(image), features = await encoded.getData();
    const { width, height } = image;
    photographs.set(name, { features, dims: encoded.dims, own: statistics(features), width, height });
  },
  // Measure a painting of the visitor's: the same network, and the picture is forgotten.
  async style({ image }) {
    return statistics(await (await encode(image)).getData());
  },
  async paint({ name, styles, alpha }) {
    const { features, dims, own, width, height } = photographs.get(name);
    const target = restyle(features, own, mix(styles), alpha);
    return decode(new ort.Tensor("float32", target, dims), width, height);
  },
};

onmessage = async ({ data: { number, task, ...values } }) => {
  try {
    postMessage({ number, result: await tasks[task](values) });
  } catch (error) {
    postMessage({ number, error: String(error?.message ?? error) });
  }
};
