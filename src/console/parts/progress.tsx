interface ProgressProps {
  /** 0 to 1; null if the total is not known: then there is no bar. */
  readonly completion: number | null;
  /** What it says: also to screen readers. */
  readonly text: string;
}

/** A bar with the text that it stands for. */
export function Progress({ completion, text }: ProgressProps) {
  const percent = completion === null ? null : Math.floor(completion * 100);
  return (
    <div class="progress">
      {percent !== null && (
        <svg
          class="progress-bar"
          viewBox="0 0 100 4"
          preserveAspectRatio="none"
          role="progressbar"
          aria-label={text}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          aria-valuetext={text}
        >
          <rect class="progress-ground" width="100" height="4" />
          <rect class="progress-done" width={percent} height="4" />
        </svg>
      )}
      <span>{text}</span>
    </div>
  );
}
