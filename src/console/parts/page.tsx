import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { usePlace } from '../app/router.js';
import { Breakable } from './breakable.js';

interface PageProps {
  /** The heading. */
  readonly title: string;
  /** What the tab of the browser says, most important first; default: the heading. */
  readonly windowTitle?: string;
  /** Beside the heading: actions. */
  readonly actions?: ComponentChildren;
  readonly children?: ComponentChildren;
}

let isFirstPage = true;

/** A screen: its heading gets the focus when people come to it from another one. */
export function Page({ title, windowTitle = title, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { path } = usePlace();
  useEffect(() => {
    document.title = `${windowTitle} - synced-tables`;
  }, [windowTitle]);
  useEffect(() => {
    if (!isFirstPage) heading.current?.focus();
    isFirstPage = false;
  }, [path]);
  return (
    <>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          <Breakable text={title} />
        </h1>
        {actions && <div class="page-actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}
