/** A name or a code that breaks where its parts end, if it has to break. */
export function Breakable({ text }: { readonly text: string }) {
  return text.split(/(?<=[._])/).flatMap((part, nth) => (nth === 0 ? [part] : [<wbr key={nth} />, part]));
}
