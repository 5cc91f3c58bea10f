import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { startKeys } from './keys.js';

type What = 'search' | 'keys';

interface OverlayProps {
  readonly onClose: () => void;
}

/** Loaded when it is first opened. */
const loaders = {
  search: () => import('./search-dialog.js').then(({ SearchDialog }) => SearchDialog),
  keys: () => import('./keys-dialog.js').then(({ KeysDialog }) => KeysDialog),
} as const satisfies Record<What, () => Promise<ComponentType<OverlayProps>>>;

let openOverlay: (what: What) => void = () => {};

export function openSearch(): void {
  openOverlay('search');
}

/** What the keyboard opens above every screen. */
export function Overlays() {
  const [Shown, show] = useState<ComponentType<OverlayProps> | null>(null);
  useEffect(() => {
    openOverlay = (what) => {
      loaders[what]().then(
        (Overlay) => show(() => Overlay),
        () => show(null),
      );
    };
    return startKeys((what) => openOverlay(what));
  }, []);
  return Shown && <Shown onClose={() => show(null)} />;
}
