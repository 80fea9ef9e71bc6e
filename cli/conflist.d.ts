/** Network configurations, imported as their text. */
declare module "*.conflist" {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how Bun hands over a text.
  export default text;
}
