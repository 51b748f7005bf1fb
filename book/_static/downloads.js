// The theme opens the source of a page in a new tab, where a browser that
// knows JSON shows the raw text of a notebook. With this it saves the file.
document.addEventListener("DOMContentLoaded", () => {
  const links = ".btn-download-source-button, .btn-download-notebook-button";
  document.querySelectorAll(links).forEach((link) => (link.download = ""));
});
