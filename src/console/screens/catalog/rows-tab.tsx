import { useEffect, useState } from 'preact/hooks';
import { serverUrl } from '../../app/places.js';
import { sourcePath } from '../../data/catalogs.js';
import { call, RequestError } from '../../data/request.js';
import { CopyAs } from '../../parts/copy-as.js';
import { ErrorBox } from '../../parts/error-box.js';
import { Skeleton } from '../../parts/skeleton.js';
import { callSnippets, quoteShell } from '../../words/quoting.js';
import { sourceTexts as texts } from './texts.js';

interface Sample {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly is_cut: boolean;
}

/** A few rows, read when somebody asks for them; they leave memory with the tab. */
export function RowsTab({ name }: { readonly name: string }) {
  const [sample, setSample] = useState<Sample | null>(null);
  const [error, setError] = useState<RequestError | null>(null);
  const [reading, setReading] = useState<AbortController | null>(null);
  useEffect(() => () => reading?.abort(), [reading]);
  const read = async () => {
    const running = new AbortController();
    setReading(running);
    setError(null);
    try {
      setSample(await call<Sample>(`${sourcePath(name)}/rows`, { method: 'POST', signal: running.signal }));
    } catch (failure) {
      if (running.signal.aborted) return;
      setError(failure instanceof RequestError ? failure : new RequestError(0, {}, failure));
    }
    setReading(null);
  };
  return (
    <section aria-label={texts.tabs.rows}>
      <p class="quiet">{texts.sampleWhy}</p>
      <p>
        <button type="button" aria-disabled={reading !== null} onClick={() => reading === null && void read()}>
          {sample === null ? texts.sample : texts.sampleAgain}
        </button>
      </p>
      {error && <ErrorBox error={error} what={texts.sampleWhat} onRetry={() => void read()} />}
      {reading && sample === null && <Skeleton rows={6} />}
      {sample && <Rows sample={sample} />}
      <CopyAs
        what={texts.sampleWhat}
        snippets={{
          CLI: `synced-tables read ${quoteShell(name)} --limit 20`,
          ...callSnippets(serverUrl, { method: 'POST', path: `${sourcePath(name)}/rows` }),
        }}
      />
    </section>
  );
}

function Rows({ sample }: { readonly sample: Sample }) {
  const { columns, rows, is_cut: isCut } = sample;
  if (rows.length === 0) return <p>{texts.noSample}</p>;
  return (
    <>
      {isCut && <p class="quiet">{texts.cutValues}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
      <section class="grid-scroll" tabIndex={0} aria-label={texts.sampleWhat}>
        <table class="grid">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, nth) => (
              <tr key={nth}>
                {row.map((value, place) => (
                  <td key={columns[place]}>{value === null ? <span class="quiet">{texts.null}</span> : value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
