import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface NextPageProps {
  /** Where it begins; undefined if there is none. */
  readonly token: string | undefined;
  /** Of the button that asks for it. */
  readonly verb: string;
  readonly page: (token: string) => ComponentChildren;
}

/** The page after this one, below it, once somebody asks for it. */
export function NextPage({ token, verb, page }: NextPageProps) {
  const [isWanted, setWanted] = useState(false);
  if (token === undefined) return null;
  if (isWanted) return <>{page(token)}</>;
  return (
    <button type="button" onClick={() => setWanted(true)}>
      {verb}
    </button>
  );
}
