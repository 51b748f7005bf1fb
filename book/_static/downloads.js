// The theme opens a page's source in a new tab, where some browsers show the
// raw text of a notebook. This saves it as a file.
document.addEventListener("DOMContentLoaded", () => {
  const links = ".btn-download-source-button, .btn-download-notebook-button";
  document.querySelectorAll(links).forEach((link) => {
    link.download = "";
    link.removeAttribute("target");
  });
});
