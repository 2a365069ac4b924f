// What follows a passkey, after the script of django-otp-webauthn has asked for it: a confirmed
// form is sent, a page shows the new passkey, and a refusal is shown in the server's words.

const form = document.getElementById("confirm-form");

addEventListener("otp_webauthn.verification_complete", () => form?.requestSubmit());
addEventListener("otp_webauthn.register_complete", () => location.reload());
addEventListener("otp_webauthn.verification_failed", async ({ detail }) => {
  const response = detail.response;
  if (!response || response.bodyUsed) return;
  if (!response.headers.get("content-type")?.includes("json")) return;
  const said = document.getElementById("passkey-verification-status-message");
  said.textContent = (await response.json()).detail ?? said.textContent;
});
