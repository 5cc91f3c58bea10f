// Where this console is served: below any path, told by <base>.

const consoleUrl = new URL(document.baseURI);

/** Path of the console with a slash at its end, such as `/console/`. */
export const consolePath = consoleUrl.pathname;

/** Address of the server, for calls and for what people copy: without a slash at its end. */
export const serverUrl = new URL('..', consoleUrl).href.replace(/\/$/, '');

/** The address of a screen, for `<a href>`; `path` begins with a slash. */
export function hrefOf(path: string): string {
  return consolePath + path.slice(1);
}
