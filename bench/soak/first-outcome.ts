/** The first thing that becomes of something. */
export interface FirstOutcome {
  /** Later ones change nothing. */
  settle(outcome: string): void;
  /** @returns undefined when nothing has become of it by the deadline. */
  wait(deadlineMs: number): Promise<string | undefined>;
}

export function createFirstOutcome(): FirstOutcome {
  let settle: (outcome: string) => void = () => undefined;
  const settled = new Promise<string>((resolve) => {
    settle = resolve;
  });
  return {
    settle: (outcome) => {
      settle(outcome);
    },
    async wait(deadlineMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, deadlineMs, undefined);
      });
      try {
        return await Promise.race([settled, late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
