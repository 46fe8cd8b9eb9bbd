// Comfort only: every page works without it. Shows the copy buttons and makes them copy.
const announce = document.getElementById("announce");

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
    announce.textContent = `${button.getAttribute("aria-label").replace("Copy ", "")} copied`;
  });
}

// A summary of problems takes the focus, so that it is read first.
document.querySelector(".notice.bad[tabindex]")?.focus();
