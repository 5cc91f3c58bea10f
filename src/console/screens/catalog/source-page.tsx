import type { SourceReply } from '../../../api/native/sources/source-schema.js';
import { serverUrl } from '../../app/places.js';
import { navigate, usePlace } from '../../app/router.js';
import { useSource } from '../../data/catalogs.js';
import { useMe } from '../../data/me.js';
import type { Query } from '../../data/use-query.js';
import { ActionButton } from '../../parts/action-button.js';
import { ActsElsewhere } from '../../parts/acts-elsewhere.js';
import { Fact } from '../../parts/facts.js';
import { Icon } from '../../parts/icon.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Tabs } from '../../parts/tabs.js';
import { Ago } from '../../parts/time.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { ColumnsTab } from './columns-tab.js';
import { FeedOff } from './feed-off.js';
import { PropertiesTab } from './properties-tab.js';
import { RowsTab } from './rows-tab.js';
import { sourceActs } from './source-acts.js';
import { SyncedTab } from './synced-tab.js';
import { catalogTexts, sourceTexts as texts } from './texts.js';

/** A source table: what it is, whether and how it can be synced. */
export function SourcePage({ name }: { readonly name: string }) {
  const source = useSource(name);
  return (
    <Loaded query={source} what={texts.what(name)} skeleton={<Skeleton rows={5} />}>
      {(found) => <Source source={found} query={source} />}
    </Loaded>
  );
}

function Source({ source, query }: { readonly source: SourceReply; readonly query: Query<SourceReply> }) {
  const { data: me } = useMe();
  const { name, columns, synced_tables: synced } = source;
  const path = `/catalog/${name.split('.').map(encodeURIComponent).join('/')}`;
  const tab = usePlace().query.get('tab') ?? 'columns';
  const tabs = [
    { path, word: texts.tabs.columns(columns.length) },
    { path: `${path}?tab=rows`, word: texts.tabs.rows },
    { path: `${path}?tab=synced`, word: texts.tabs.synced(synced) },
    { path: `${path}?tab=properties`, word: texts.tabs.properties },
  ];
  return (
    <>
      <div class="source-actions">
        <ActionButton
          isPrimary
          refusal={me && !me.may.create ? texts.createRefused : null}
          onClick={() => navigate(`/create?source=${encodeURIComponent(name)}`)}
        >
          <Icon name="add" />
          {texts.create}
        </ActionButton>
        <span class="catalog-read quiet">
          {catalogTexts.readAt} <Ago time={query.at ?? Date.now()} />
        </span>
        <button type="button" onClick={query.refetch}>
          {catalogTexts.refresh}
        </button>
      </div>
      <SourceFacts source={source} />
      <Modes source={source} />
      <FeedOff source={source} onCheck={query.refetch} />
      <Tabs tabs={tabs} current={tab === 'columns' ? path : `${path}?tab=${tab}`} label={texts.tabsLabel} />
      {tab === 'columns' && <ColumnsTab source={source} />}
      {tab === 'rows' && <RowsTab name={name} />}
      {tab === 'synced' && <SyncedTab source={source} />}
      {tab === 'properties' && <PropertiesTab source={source} />}
      <ActsElsewhere acts={sourceActs(serverUrl, source, me ?? null)} />
    </>
  );
}

/** What a source is, in one line. */
function SourceFacts({ source }: { readonly source: SourceReply }) {
  const { facts } = texts;
  const { position_word: word, version, committed_at: committed, size_bytes: size, row_count: rows } = source;
  return (
    <dl class="facts">
      <Fact name={facts.format}>{source.format === 'DELTA' ? 'Delta' : source.format}</Fact>
      <Fact name={word === null ? facts.position.version : facts.position[word]}>
        {word === null || version === null ? facts.noPosition : numberText(version)}
      </Fact>
      {committed !== null && (
        <Fact name={facts.committed}>
          <Ago time={committed} />
        </Fact>
      )}
      <Fact name={facts.rows} title={rows === null ? texts.noRows : undefined}>
        {rows === null ? <span class="quiet">{catalogTexts.notKnown}</span> : numberText(rows)}
      </Fact>
      <Fact name={facts.size}>
        {size === null ? <span class="quiet">{catalogTexts.notKnown}</span> : sizeText(size)}
      </Fact>
      <Fact name={facts.files}>{numberText(source.file_count)}</Fact>
      <Fact name={facts.place}>{source.location}</Fact>
    </dl>
  );
}

function Modes({ source }: { readonly source: SourceReply }) {
  return (
    <section aria-label={texts.modes}>
      <ul class="modes">
        {source.modes.map((mode) => (
          <li key={mode.scheduling_policy}>
            <span
              class={`state ${mode.is_possible ? 'group-ok' : mode.by_file_comparison ? 'group-warn' : 'group-fail'}`}
            >
              <Icon name={mode.is_possible ? 'check' : mode.by_file_comparison ? 'triangle' : 'octagon'} />
              <span>
                {texts.modeWords[mode.scheduling_policy]}:{' '}
                {mode.is_possible ? texts.possible : mode.by_file_comparison ? texts.byFiles : texts.impossible}
                {mode.problem && !mode.by_file_comparison && ` (${mode.problem.error_code})`}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
