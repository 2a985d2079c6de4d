/** A fenced block of code in a Markdown text. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of code of a Markdown text, from the top. Source: CommonMark 0.31, §4.5. */
export function listCodeBlocks(markdown: string): readonly CodeBlock[] {
  const fenced = /^```(?<language>\w*)\n(?<text>.*?)^```$/gms;
  return [...markdown.matchAll(fenced)].map(({ groups }) => ({
    language: groups?.['language'] ?? '',
    text: groups?.['text'] ?? '',
  }));
}
