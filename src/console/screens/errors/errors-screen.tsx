import { hrefOf, serverUrl } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { TextFilter } from '../../parts/filters.js';
import { Page } from '../../parts/page.js';
import { ErrorPage } from './error-page.js';
import { findError, type KnownError, searchErrors } from './known-errors.js';
import { errorsTexts } from './texts.js';
import './errors.css';

/** What a code means, or all codes. */
export function Screen({ params }: ScreenProps) {
  const { code } = params;
  if (code === undefined) {
    return (
      <Page title={errorsTexts.title}>
        <p>
          <a href={`${serverUrl}/docs`} target="_blank" rel="noreferrer">
            {errorsTexts.helpApi}
          </a>
        </p>
        <ErrorList />
      </Page>
    );
  }
  const known = findError(code);
  if (known) return <ErrorPage known={known} />;
  return (
    <Page title={code}>
      <p class="box box-warn">
        {errorsTexts.unknown(code)} {errorsTexts.unknownWhy}
      </p>
      <ErrorList />
    </Page>
  );
}

function ErrorList() {
  const { query } = usePlace();
  const found = searchErrors(query.get('q') ?? '');
  const topics = [...new Set(found.map(({ topic }) => topic))];
  return (
    <>
      <search class="filter-bar">
        <TextFilter name={errorsTexts.filter} value={query.get('q') ?? ''} onChange={(q) => setQuery({ q })} />
      </search>
      <p role="status">{found.length === 0 ? errorsTexts.none : errorsTexts.shown(found.length)}</p>
      {topics.map((topic) => (
        <section key={topic}>
          <h2>{topic}</h2>
          <dl class="errors">
            {found
              .filter((known) => known.topic === topic)
              .map((known) => (
                <ErrorItem key={known.code} known={known} />
              ))}
          </dl>
        </section>
      ))}
    </>
  );
}

function ErrorItem({ known: { code, message } }: { readonly known: KnownError }) {
  return (
    <div>
      <dt>
        <a href={hrefOf(`/errors/${code}`)}>{code}</a>
      </dt>
      <dd>{message}</dd>
    </div>
  );
}
