import { useEffect, useState } from 'react';
import type { Range } from './range-picker.js';

const MINUTE_MS = 60_000;

/**
 * The beginning of a range that ends now, as a `DateTime`. It moves on every minute, so that a page that stays open asks for
 * what is recent, and every page that opened in the same minute asks the same.
 */
export function useRangeStart({ ms }: Range): string {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => {
      setNow(Date.now());
    }, MINUTE_MS);
    return () => {
      clearInterval(timer);
    };
  }, [ms]);
  return new Date(Math.floor(now / MINUTE_MS) * MINUTE_MS - ms).toISOString();
}
