import { useEffect, useState } from 'react';

/** Which colours: those of the system, or one's own choice. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'aegis.theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

function readTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? 'system';
}

/** The chosen colours, kept in the browser, and the way to choose others. */
export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    localStorage.setItem(KEY, theme);
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return [theme, setTheme];
}
