// Each line for a shell has a button that copies it.

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const line of document.querySelectorAll(".line")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(line.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not copied: select it by hand";
      }
    });
    line.append(button);
  }
}

addCopyButtons();
