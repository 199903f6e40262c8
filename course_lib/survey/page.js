
"use strict";
(() => {
  const get = (id) => document.getElementById(id);
  const survey = JSON.parse(get("survey").textContent);
  const format = "style-survey-result-1";

  // Order and positions: the same arithmetic as in items.py, which checks them when scoring.
  function fingerprint(text) {
    let value = 2166136261;
    for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 16777619);
    return value >>> 0;
  }
  function randomNumbers(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }
  function shuffled(things, next) {
    things = things.slice();
    for (let i = things.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1));
      [things[i], things[j]] = [things[j], things[i]];
    }
    return things;
  }
  function present(seed) {
    const next = randomNumbers(fingerprint(survey.survey + ":" + seed));
    const practice = next() < 0.5;
    const order = shuffled(survey.items, next);
    let swaps;
    if (survey.kind === "preference") {
      const half = Math.floor(order.length / 2 + next() * (order.length % 2));
      swaps = shuffled(order.map((_, k) => k < half), next);
    } else {
      swaps = order.map(() => next() < 0.5);
    }
    const steps = order.map((item, k) => ({ item, swapped: swaps[k], counts: true }));
    if (survey.practice) steps.unshift({ item: survey.practice, swapped: practice, counts: false });
    return steps;
  }
  function checksum(result) {
    const lines = [result.format, result.survey, result.seed, "0"];
    for (const a of result.answers) lines.push([a.item, a.choice, a.position, a.milliseconds].join(" "));
    return fingerprint(lines.join("\n")).toString(16).padStart(8, "0");
  }

  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const drawn = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // A survey that is half taken outlives a reload of its tab, and nothing else.
  const memory = "survey " + survey.survey;
  const kept = recall();
  let seed = drawn, steps = present(seed), answers = [];
  const noun = survey.kind === "preference" ? "Picture" : "Painting";
  let place = -1, since = 0, ready = false, saved = true, result;

  function recall() {
    try {
      const value = JSON.parse(sessionStorage.getItem(memory));
      return value && value.place > 0 && Array.isArray(value.answers) ? value : null;
    } catch { return null; } // some browsers forbid it to files
  }
  function remember() {
    try {
      if (saved && place >= steps.length) sessionStorage.removeItem(memory);
      else sessionStorage.setItem(memory, JSON.stringify({ seed, place, answers }));
    } catch { /* then a reload begins anew */ }
  }
  function goOn() {
    ({ seed, place, answers } = kept);
    steps = present(seed);
    saved = !answers.length;
    if (place < steps.length) ask();
    else finish();
  }

  const radios = Array.from(document.querySelectorAll("input[name=choice]"));
  const chosen = () => radios.find((radio) => radio.checked);
  const options = (step) => (step.swapped ? step.item.options.slice().reverse() : step.item.options);

  function show(name) {
    for (const id of ["start", "ask", "end"]) get(id).hidden = id !== name;
    window.scrollTo(0, 0);
    get(name).querySelector("h1").focus({ preventScroll: true });
  }
  async function showPicture(image, source) {
    image.src = source;
    try { await image.decode(); } catch { /* a broken picture is shown as one */ }
  }
  function update() {
    get("next").setAttribute("aria-disabled", String(!chosen()));
  }
  async function ask() {
    ready = false;
    const step = steps[place];
    const total = survey.items.length;
    const number = place + 1 - (steps.length - total);
    const name = step.counts ? "Question " + number + " of " + total : "Practice";
    const [first, second] = options(step);
    const pictures = [showPicture(get("first"), first.picture), showPicture(get("second"), second.picture)];
    if (step.item.picture) pictures.push(showPicture(get("shown"), step.item.picture));
    await Promise.all(pictures);
    for (const radio of radios) radio.checked = false;
    get("shown").hidden = !step.item.picture;
    get("heading").textContent = name;
    get("progress").textContent = name;
    get("note").hidden = step.counts;
    get("bar").value = Math.max(0, number - 1) / total;
    get("next").textContent = step.counts && number === total ? "Finish" : "Next";
    update();
    show("ask");
    since = performance.now();
    ready = true;
  }
  function advance() {
    const radio = chosen();
    if (!ready || !radio) return;
    const step = steps[place];
    const position = Number(radio.value);
    if (step.counts) {
      answers.push({
        item: step.item.id,
        choice: options(step)[position - 1].id,
        position,
        milliseconds: Math.round(performance.now() - since),
      });
      saved = false;
    }
    place += 1;
    remember();
    if (place < steps.length) ask();
    else finish();
  }
  function finish() {
    ready = false;
    result = { format, survey: survey.survey, seed, simulated: false, answers };
    result.checksum = checksum(result);
    get("bar").value = 1;
    get("progress").textContent = "Finished";
    get("line").value = JSON.stringify(result);
    show("end");
  }
  function choose(position) {
    const radio = radios[position - 1];
    radio.checked = true;
    radio.focus({ preventScroll: true });
    update();
  }

  get("first").alt = noun + " 1";
  get("second").alt = noun + " 2";
  get("question").textContent = survey.question;
  get("task").textContent = survey.kind === "preference"
    ? "You will see two pictures at a time. Choose the one that you prefer."
    : "You will see an image and two paintings. Choose the painting whose style the image resembles most.";
  get("length").textContent =
    (survey.items.length === 1 ? "There is one question" : "There are " + survey.items.length + " questions")
    + (survey.practice ? ", after one for practice." : ".");
  get("send").textContent = survey.send
    || "Please download them as a small file and give it to the person who asked you to take part.";
  document.body.classList.add(survey.kind);

  if (kept) {
    get("half").hidden = get("anew").hidden = false;
    get("half").textContent = "You have answered " + kept.answers.length + " of " + survey.items.length
      + " in this window. Go on where you stopped, or start anew if that was somebody else.";
    get("begin").textContent = "I agree, go on";
  }
  get("begin").addEventListener("click", () => {
    if (place >= 0) return;
    if (kept) goOn();
    else { place = 0; ask(); }
  });
  get("anew").addEventListener("click", () => { if (place < 0) { place = 0; ask(); } });
  get("form").addEventListener("submit", (event) => { event.preventDefault(); advance(); });
  get("form").addEventListener("change", update);
  document.addEventListener("keydown", (event) => {
    if (!ready || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "1" || event.key === "ArrowLeft") choose(1);
    else if (event.key === "2" || event.key === "ArrowRight") choose(2);
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON") advance();
    else return;
    event.preventDefault();
  });
  get("download").addEventListener("click", () => {
    const file = new Blob([JSON.stringify(result, null, 1) + "\n"], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "answers-" + seed.slice(0, 8) + ".json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    saved = true;
    remember();
    get("saved").textContent = "Downloaded";
  });
  get("copy").addEventListener("click", async () => {
    get("line").select();
    try {
      await navigator.clipboard.writeText(get("line").value);
    } catch { // browsers offer the clipboard only on https and local pages
      if (!document.execCommand("copy")) {
        get("saved").textContent = "Please copy the selected line yourself";
        return;
      }
    }
    saved = true;
    remember();
    get("saved").textContent = "Copied";
  });
  window.addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
  show("start");
})();
