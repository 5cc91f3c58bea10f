interface ListHeadProps {
  /** Words of the columns, by name and in order. */
  readonly columns: Readonly<Record<string, string>>;
  /** True for screen readers alone, in a list that goes on. */
  readonly isHidden?: boolean;
}

export function ListHead({ columns, isHidden = false }: ListHeadProps) {
  return (
    <thead class={isHidden ? 'hidden' : ''}>
      <tr>
        {Object.entries(columns).map(([name, word]) => (
          <th key={name} scope="col">
            {word}
          </th>
        ))}
      </tr>
    </thead>
  );
}
