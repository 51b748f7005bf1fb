// Take the tokens out of all code: they have no meaning but their colours,
// and are nine of ten elements. `unflatten` puts them back.
() => {
  const codes = [...document.querySelectorAll("pre")];
  const before = codes.map((code) => code.innerHTML);
  codes.forEach((code) => (code.textContent = code.textContent));
  window.unflatten = () =>
    codes.forEach((code, i) => (code.innerHTML = before[i]));
}
