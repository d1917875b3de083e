// The page: sends a transcript, shows scores, reasons, and the words that they quote. Everything it shows is set as text.

import { cutRuns, findQuote, fold, splitQuotes } from "./quotes.js";

const EXAMPLE = `So, um, thank you all for coming tonight. I know it's late, and, you know, some of you have been on your feet since six. \
I want to talk about the library. Basically it's, like, the only warm room in this town that costs nothing. Last winter forty people a day came in, \
and eleven of them told us they had nowhere else to sit. So when the council says we should close it on Mondays, I get it, I really do, money is tight. \
But a Monday saves nine thousand a year. The boiler we forgot to service cost us fourteen. If we service the boiler in September, \
we keep the Mondays, and we still come out ahead. That's all I'm asking for. Thank you, and, um, thank you for what you do for each other here.`;
const MOST_BYTES = 900_000;

const $ = (id) => document.getElementById(id);
const traits = [...document.querySelectorAll(".trait")];
let served = null;
let asking = null;
let answer = null;
let part = 0; // the part whose scores are shown, counted from 1; 0 is the whole

// Coming in: the link brings the token behind a #, which browsers keep to themselves; no other port can read what is kept here.
// It is kept once it has let in: any page may open this one with words of its own behind the #.

const KEPT = "feedback-token";
const entered = comeIn();

async function comeIn() {
  const given = location.hash.slice(1);
  if (given) {
    history.replaceState(null, "", location.pathname);
    const reply = await fetch("/v1/models", { headers: { authorization: `Bearer ${given}` } }).catch(() => null);
    if (reply?.ok) localStorage.setItem(KEPT, given);
  }
  if (!localStorage.getItem(KEPT)) location.replace("/locked");
}

// Asking

async function request(path, options = {}) {
  await entered;
  const headers = { ...options.headers, authorization: `Bearer ${localStorage.getItem(KEPT)}` };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached; it may have been stopped.");
  }
  const content = await response.json().catch(() => null);
  if (response.ok && content) return content;
  if (response.status === 401) throw new Error("The server no longer knows this browser; open the link that feedback serve prints.");
  throw new Error(sentence(content?.error?.message ?? `The server answered with status ${response.status}.`));
}

function sentence(message) {
  return message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}

function ask(text, decoding, signal) {
  const body = JSON.stringify(decoding ? { text, decoding } : { text });
  return request("/v1/feedback", { method: "POST", headers: { "content-type": "application/json" }, body, signal });
}

async function send() {
  const text = $("text").value;
  stop();
  const own = (asking = new AbortController());
  const started = performance.now();
  tellProblem("");
  busy(true);
  $("result").classList.add("stale"); // what is shown is about another text
  try {
    await loadModel();
    if (served.decoding !== "free") {
      tellStatus("Reading for the scores", started);
      present(await ask(text, "direct", own.signal), started, true);
      tellStatus("The scores are there; writing the reasons", started);
    } else {
      tellStatus("Reading and writing", started);
    }
    present(await ask(text, served.decoding === "direct" ? "template" : null, own.signal), started, false);
    tellStatus("Feedback is ready.");
  } catch (error) {
    tellStatus(error.name === "AbortError" ? "Stopped." : "");
    if (error.name !== "AbortError") tellProblem(error.message);
    for (const item of traits) item.classList.remove("waiting");
  } finally {
    if (asking === own) busy(false);
  }
}

function stop() {
  asking?.abort();
  asking = null;
  busy(false);
}

function busy(is) {
  $("send").disabled = is;
  $("stop").hidden = !is;
  if (!is) asking = null;
}

async function loadModel() {
  const { data } = await request("/v1/models");
  served = data[0];
  $("model").textContent = ` · ${nameOf(served)}`;
}

function nameOf(model) {
  const base = model.base.split("/").at(-1);
  const name = model.model.startsWith("base") ? base : `${model.model} of ${base}`;
  return model.champion ? `${name}, the champion` : name;
}

// Telling

let ticking = null;

function tellStatus(text, since) {
  clearInterval(ticking);
  const seconds = document.createElement("span");
  seconds.setAttribute("aria-hidden", "true"); // a voice that counts every second helps nobody
  $("status").replaceChildren(text, seconds);
  if (since === undefined) return;
  const tick = () => { seconds.textContent = ` … ${Math.floor((performance.now() - since) / 1000)} s`; };
  tick();
  ticking = setInterval(tick, 1000);
}

function tellProblem(text) {
  $("problem").textContent = text;
}

function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  element.append(content);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Showing

function present(found, started, waits) {
  const isFirst = answer === null || $("result").hidden || answer.key !== started;
  answer = { ...found, key: started, waits };
  if (isFirst) part = 0;
  part = Math.min(part, answer.pieces.length);
  $("result").hidden = false;
  $("result").classList.remove("stale");
  $("form").classList.add("sent");
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  $("facts").textContent = `${answer.words} words, read in ${seconds} s by ${nameOf(answer)}`;
  showNotes();
  showParts();
  showPart();
  if (isFirst) $("result-title").focus();
}

function showNotes() {
  const { pieces } = answer, invalid = pieces.filter((piece) => piece.feedback === null), notes = [];
  if (answer.stand_in) notes.push("The demo’s model answered: it is tiny and has only ever read made-up talks. It shows that the parts work together, and nothing about your talk.");
  else if (!answer.champion) notes.push("This model has not passed its evaluation: nothing has shown yet that its scores are better than guessing. Do not rely on them.");
  if (pieces.some((piece) => piece.truncated)) notes.push("The text was longer than the model can read, so its end was left out.");
  if (!answer.english) notes.push("The text seems not to be in English, the only language in which these scores mean something.");
  if (invalid.length === 1 && pieces.length === 1) notes.push(`The model’s answer is not valid feedback: ${invalid[0].reason} It wrote: ${invalid[0].raw.slice(0, 400)}`);
  else if (invalid.length) notes.push(`${invalid.length} of ${pieces.length} parts have no valid feedback and count for nothing in the scores.`);
  $("notes").replaceChildren(...notes.map((note) => make("p", note)));
}

function showParts() {
  const names = ["Whole talk", ...answer.pieces.map((piece) => `Part ${piece.piece}`)];
  $("parts").hidden = answer.pieces.length === 1;
  $("parts").replaceChildren(...names.map((name, number) => {
    const button = make("button", name, { type: "button", "aria-pressed": String(number === part) });
    button.addEventListener("click", () => { part = number; for (const each of $("parts").children) each.setAttribute("aria-pressed", String(each === button)); showPart(); });
    return button;
  }));
}

function showPart() {
  const feedback = part ? answer.pieces[part - 1].feedback : answer.feedback;
  $("scores").hidden = feedback === null;
  $("back").hidden = true;
  const quotes = feedback === null ? [] : traits.flatMap((item) => showTrait(item, feedback[item.dataset.trait]));
  showTranscript(quotes);
  for (const quote of quotes) showQuote(quote);
}

function showTrait(item, { score, expectation, interval, probabilities, explanation }) {
  const [number, likely] = item.querySelector(".score").children;
  number.textContent = expectation === null ? score : expectation.toFixed(1);
  likely.textContent = interval === null ? "" : interval[0] === interval[1] ? `most likely ${interval[0]}` : `likely ${interval[0]} to ${interval[1]}`;
  showScale(item, score, expectation, interval, probabilities);
  item.classList.toggle("waiting", explanation === null && answer.waits);
  const reason = explanation ?? (answer.waits ? "Reason to come …" : "");
  const parts = splitQuotes(reason).map((each) => each.quote ? { quote: each.quote, item, element: make("span", each.written), marks: [], next: 0 } : each);
  item.querySelector(".why").replaceChildren(...parts.map((each) => each.element ?? each.text));
  return parts.filter((each) => each.quote);
}

function showScale(item, score, expectation, interval, probabilities) {
  const scale = item.querySelector(".scale"), title = item.querySelector("h4").textContent;
  const most = probabilities ? Math.max(...probabilities) : 1;
  scale.querySelectorAll("i").forEach((column, index) => {
    const level = index + 1;
    column.style.setProperty("--share", probabilities ? probabilities[index] / most : level === score ? 1 : 0.08);
    column.className = probabilities === null ? (level === score ? "said" : "") : level >= interval[0] && level <= interval[1] ? "likely" : "";
  });
  scale.querySelector(".mean")?.remove();
  if (probabilities) {
    const mean = make("b", "", { class: "mean" });
    mean.style.setProperty("--mean", `${(expectation - 0.5) * 10}%`);
    scale.append(mean);
  }
  const value = expectation === null ? score : expectation.toFixed(1);
  scale.setAttribute("aria-label", `${title}: ${value} of 10${interval ? `, likely ${interval[0]} to ${interval[1]}` : ""}`);
}

function showTranscript(quotes) {
  const several = answer.pieces.length > 1;
  $("transcript").replaceChildren(...answer.pieces.flatMap((piece) => {
    const isMeant = part === 0 || piece.piece === part;
    const paragraph = make("p", "", { class: isMeant ? "" : "aside" });
    paragraph.replaceChildren(...markUp(piece.text, isMeant ? quotes : []));
    return several ? [make("p", `Part ${piece.piece}`, { class: "part" }), paragraph] : [paragraph];
  }));
}

function markUp(text, quotes) {
  const folded = fold(text);
  const places = quotes.flatMap((quote) => findQuote(quote.quote, folded).map(([start, end]) => ({ start, end, quote, mark: null })));
  return cutRuns(text, places).map((run) => {
    if (!run.places.length) return run.text;
    const mark = make("mark", run.text, { "data-traits": run.places.map(({ quote }) => quote.item.id).join(" ") });
    for (const place of run.places) {
      if (place.mark === null) { place.mark = mark; place.quote.marks.push(mark); }
    }
    return mark;
  });
}

function showQuote(quote) {
  if (!quote.marks.length) {
    quote.element.className = "absent";
    quote.element.title = "These words do not stand in the transcript.";
    return;
  }
  const button = make("button", quote.element.textContent, { type: "button", class: "quote" });
  const title = quote.item.querySelector("h4").textContent;
  button.setAttribute("aria-label", `${quote.quote}: show in the transcript`);
  button.addEventListener("click", () => goTo(quote, button, title));
  quote.element.replaceWith(button);
}

function goTo(quote, button, title) {
  document.querySelector("mark.here")?.classList.remove("here");
  const place = quote.next % quote.marks.length, mark = quote.marks[place];
  quote.next = place + 1;
  light(quote.item.id);
  mark.classList.add("here");
  mark.scrollIntoView({ block: "center" });
  tellStatus(`“${quote.quote}”: place ${place + 1} of ${quote.marks.length}`);
  $("back").textContent = `Back to ${title}`;
  $("back").hidden = false;
  watchFor(quote.item);
  $("back").onclick = () => { $("back").hidden = true; quote.item.scrollIntoView({ block: "start" }); button.focus({ preventScroll: true }); };
}

let watching = null;

function watchFor(item) { // who scrolled back needs no way back any more
  watching?.disconnect();
  let isAway = false;
  watching = new IntersectionObserver(([seen]) => {
    if (!seen.isIntersecting) isAway = true;
    else if (isAway) $("back").hidden = true;
  });
  watching.observe(item);
}

function light(trait) {
  for (const item of traits) item.classList.toggle("on", item.id === trait);
  for (const mark of document.querySelectorAll("mark")) mark.classList.toggle("on", mark.dataset.traits.split(" ").includes(trait));
}

// Taking in

function count() {
  const words = $("text").value.split(/\s+/u).filter(Boolean).length;
  $("count").textContent = words ? `${words} ${words === 1 ? "word" : "words"} so far.` : "";
}

async function takeFile(file) {
  if (!file) return;
  tellProblem("");
  if (file.size > MOST_BYTES) return tellProblem(`${file.name} is too large for this page; feedback score reads files of any size.`);
  tellStatus(`Reading ${file.name}`, performance.now());
  try {
    const { transcripts, more } = await request(`/v1/transcripts?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    $("text").value = transcripts[0].text;
    count();
    const several = `The first of ${more ? "more than " : ""}${transcripts.length} transcripts in ${file.name}`;
    tellStatus(`${transcripts.length > 1 ? several : file.name} is in; look it over and send it.`);
    $("send").focus();
  } catch (error) {
    tellStatus("");
    tellProblem(error.message);
  }
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("stop").addEventListener("click", () => { stop(); tellStatus("Stopped."); });
$("text").addEventListener("input", count);
$("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(); });
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { takeFile($("file").files[0]); $("file").value = ""; });
$("example").addEventListener("click", () => { $("text").value = EXAMPLE; count(); $("send").focus(); });
for (const item of traits) {
  item.addEventListener("pointerenter", () => light(item.id));
  item.addEventListener("focusin", () => light(item.id));
}
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
}
document.addEventListener("dragleave", (event) => { if (event.relatedTarget === null) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const text = event.dataTransfer.getData("text/plain");
  if (event.dataTransfer.files.length) takeFile(event.dataTransfer.files[0]);
  else if (text) { $("text").value = text; count(); }
});
count(); // a browser may bring back what was typed before
loadModel().catch((error) => tellProblem(error.message));
