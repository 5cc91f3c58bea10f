import type { JSX } from 'preact';

// Drawn on 16 × 16, in the colour of the text around them. Those of states differ in shape, not only in colour.

const paths = {
  // States
  clock: <path d="M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 3v3l2 1.5" />,
  run: <path d="M8 2a6 6 0 0 1 0 12" />,
  check: <path d="m3 8.5 3.2 3.2L13 5" />,
  triangle: <path d="M8 2.5 14 13H2L8 2.5Zm0 4v3m0 1.6v.1" />,
  diamond: <path d="m8 2 6 6-6 6-6-6 6-6Z" />,
  pause: <path d="M5.5 3v10m5-10v10" />,
  octagon: <path d="M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5L5.5 2Zm.3 3.8 4.4 4.4m0-4.4-4.4 4.4" />,
  struck: <path d="M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM3.8 3.8l8.4 8.4" />,
  // Places
  table: <path d="M2 3h12v10H2V3Zm0 3.5h12M6.5 6.5V13" />,
  catalog: <path d="M2 4.5V13h12V5H8L6.5 3H2v1.5Z" />,
  pipeline: <path d="M2 8h3m6 0h3M5 5h6v6H5V5Z" />,
  event: <path d="M2 4h12M2 8h9M2 12h6" />,
  database: (
    <path d="M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2Zm0 0v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2" />
  ),
  token: (
    <path d="M10.5 9.5a4 4 0 1 0-4-4c0 .4.1.8.2 1.2L2 11.4V14h2.6v-1.6h1.6v-1.6h1.6l.6-1.5c.6.2 1.4.2 2.1.2ZM11 5v.1" />
  ),
  help: <path d="M6 6a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.8m0 2v.1M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z" />,
  // Acts
  add: <path d="M8 3v10M3 8h10" />,
  close: <path d="m4 4 8 8m0-8-8 8" />,
  copy: <path d="M6 6h7v7H6V6Zm-3 4V3h7" />,
  search: <path d="M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm3 7 3.5 3.5" />,
  down: <path d="m4 6 4 4 4-4" />,
  right: <path d="m6 4 4 4-4 4" />,
  more: <path d="M3.5 8h.1M8 8h.1m4.4 0h.1" />,
  sun: (
    <path d="M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Zm0-3.5V3m0 10v1.5M1.5 8H3m10 0h1.5M3.4 3.4l1 1m7.2 7.2 1 1m0-9.2-1 1m-7.2 7.2-1 1" />
  ),
  moon: <path d="M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5Z" />,
} as const satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof paths;

/** Says nothing to screen readers: a word stands beside it, or names the button. */
export function Icon({ name, class: extra = '' }: { readonly name: IconName; readonly class?: string }) {
  return (
    <svg class={`icon ${extra}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {paths[name]}
    </svg>
  );
}
