import type { SourceReply } from '../../../api/native/sources/source-schema.js';
import { Ago } from '../../parts/time.js';
import { numberText } from '../../words/numbers.js';
import { sourceTexts as texts } from './texts.js';

/** What the table says of itself beside its columns. */
export function PropertiesTab({ source }: { readonly source: SourceReply }) {
  const { properties, features, commits } = source;
  const names = Object.keys(properties).sort();
  return (
    <>
      <h2>{texts.properties}</h2>
      {names.length === 0 && <p>{texts.noProperties}</p>}
      <dl class="property-list">
        {names.map((name) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{properties[name]}</dd>
          </div>
        ))}
      </dl>
      <h2>{texts.features}</h2>
      <p>{features.length === 0 ? texts.noFeatures : features.join(', ')}</p>
      <h2>{texts.commits}</h2>
      <table class="list">
        <thead>
          <tr>
            <th scope="col" class="number">
              {texts.version}
            </th>
            <th scope="col">{texts.operation}</th>
            <th scope="col">{texts.committed}</th>
          </tr>
        </thead>
        <tbody>
          {commits.map(({ version, operation, committed_at: at }) => (
            <tr key={version}>
              <td class="number" data-label={texts.version}>
                {numberText(version)}
              </td>
              <td data-label={texts.operation}>{operation}</td>
              <td data-label={texts.committed}>{at !== null && <Ago time={at} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
