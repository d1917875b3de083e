// Words that a reason quotes, found again in the transcript. Pure.

// As feedback_model/scoring/quotes.py has it; between single marks, an apostrophe within a word or before one ends nothing.
const QUOTED =
  /“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|"([^"]+)"|(?<![\p{L}\p{N}\p{M}_])['‘](['’]?(?:[^'‘’]|(?<=[\p{L}\p{N}\p{M}_])['’](?=[\p{L}\p{N}\p{M}_]))+)['’](?![\p{L}\p{N}\p{M}_])/gu;
const LEFT_OUT = /\.{3,}|…|\[…\]|\[\.{3,}\]/u;
const SAME = new Map([..."‘’‚‛"].map((mark) => [mark, "'"]).concat([..."“”„‟«»"].map((mark) => [mark, '"'])));
const WORD = /[\p{L}\p{N}\p{M}_]/u;
const MOST_PLACES = 500;

/** Splits a reason into plain parts and quotes, in order; a quote comes with its marks as they are `written`. */
export function splitQuotes(reason) {
  const parts = [];
  let end = 0;
  for (const found of reason.matchAll(QUOTED)) {
    const quote = found.slice(1).find((words) => words !== undefined);
    parts.push({ text: reason.slice(end, found.index) }, { quote, written: found[0] });
    end = found.index + found[0].length;
  }
  return [...parts, { text: reason.slice(end) }].filter((part) => part.quote || part.text);
}

/** Text in which neither case, nor white space, nor kinds of quotation marks count; `at` leads back from it. */
export function fold(text) {
  const letters = [], at = [];
  let position = 0;
  for (const letter of text) {
    const plain = /\s/u.test(letter) ? " " : (SAME.get(letter) ?? letter).toLowerCase();
    if (plain !== " " || letters.at(-1) !== " ") {
      for (const each of plain) { letters.push(each); at.push(position); }
    }
    position += letter.length;
  }
  return { letters, text: letters.join(""), at: [...at, text.length] };
}

/** The places, as [start, end) in the folded text's original, at which a quote stands as whole words. */
export function findQuote(quote, folded) {
  const wanted = quote.split(LEFT_OUT).map((part) => fold(part).text.replace(/^[\s"'.,;:!?()[\]–—-]+|[\s"'.,;:!?()[\]–—-]+$/gu, ""));
  return wanted.filter(Boolean).flatMap((part) => placesOf(part, folded));
}

function placesOf(part, folded) {
  const places = [], wanted = [...part], starts = codePointStarts(folded.letters);
  for (let from = folded.text.indexOf(part); from >= 0 && places.length < MOST_PLACES; from = folded.text.indexOf(part, from + 1)) {
    const first = starts.get(from), last = first + wanted.length;
    const inside = isWord(folded.letters[first - 1]) && isWord(wanted[0]);
    const goesOn = isWord(folded.letters[last]) && isWord(wanted.at(-1));
    if (!inside && !goesOn) places.push([folded.at[first], folded.at[last]]);
  }
  return places;
}

const known = new WeakMap();

function codePointStarts(letters) {
  if (!known.has(letters)) {
    const starts = new Map();
    let position = 0;
    letters.forEach((letter, index) => { starts.set(position, index); position += letter.length; });
    known.set(letters, starts);
  }
  return known.get(letters);
}

function isWord(letter) {
  return letter !== undefined && WORD.test(letter);
}

/** Cuts a text at the ends of all places: runs of text, each with the places that cover it. */
export function cutRuns(text, places) {
  const cuts = [...new Set([0, text.length, ...places.flatMap(({ start, end }) => [start, end])])].sort((one, other) => one - other);
  const sorted = [...places].sort((one, other) => one.start - other.start);
  const runs = [];
  let next = 0, open = [];
  for (let index = 0; index + 1 < cuts.length; index += 1) {
    const begun = [];
    while (next < sorted.length && sorted[next].start <= cuts[index]) begun.push(sorted[next++]);
    open = [...open, ...begun].filter(({ end }) => end > cuts[index]);
    runs.push({ text: text.slice(cuts[index], cuts[index + 1]), places: open });
  }
  return runs;
}
