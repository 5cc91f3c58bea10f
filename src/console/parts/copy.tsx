import { useState } from 'preact/hooks';
import { Icon } from './icon.js';

const SAID_MS = 2_000;

interface CopyProps {
  readonly text: string;
  /** Completes "Copy", for who does not see what stands beside it. */
  readonly what: string;
  /** What the button says, where several stand together. */
  readonly word?: string;
}

/** A button that copies a text, and says that it has. */
export function Copy({ text, what, word = 'Copy' }: CopyProps) {
  const [said, setSaid] = useState<string | null>(null);
  const copy = async () => {
    const isCopied = await copyText(text);
    setSaid(isCopied ? 'Copied' : 'The browser did not allow it: select the text and copy it');
    setTimeout(() => setSaid(null), SAID_MS);
  };
  return (
    <button type="button" class="quiet-button" aria-label={said ?? `Copy ${what}`} onClick={() => void copy()}>
      <Icon name={said === 'Copied' ? 'check' : 'copy'} />
      <span role="status">{said ?? word}</span>
    </button>
  );
}

/** @returns whether the browser allowed it; it does not without a secure context */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
