// The site's one Trusted Types policy: without it the browser makes no elements of a text.
//
// A text may pass that this site drew: a page or a part of one that its server sent, a constant
// of a script, or a drawing whose words were escaped. The policy does not change the text: it names
// the few places that may use it, so that any other one fails.

const policy = globalThis.trustedTypes?.createPolicy("own-markup", { createHTML: (text) => text });

/** Markup of our own, as `innerHTML` takes it. */
export const ownMarkup = (text) => policy?.createHTML(text) ?? text;

/** The document of a page that was fetched from this site. */
export async function pageOf(answer) {
  if (new URL(answer.url).origin !== location.origin) throw new Error("a page of another site");
  return new DOMParser().parseFromString(ownMarkup(await answer.text()), "text/html");
}
