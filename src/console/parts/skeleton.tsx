/** Grey lines in the height of rows that are still to come. */
export function Skeleton({ rows, tall = false }: { readonly rows: number; readonly tall?: boolean }) {
  return (
    <div class={tall ? 'skeleton skeleton-tall' : 'skeleton'} aria-hidden="true">
      {Array.from({ length: rows }, (_, nth) => (
        <div key={nth} class="skeleton-row" />
      ))}
    </div>
  );
}
