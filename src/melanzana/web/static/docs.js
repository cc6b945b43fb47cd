// Shows the server's own OpenAPI document with Swagger UI; a script of its own because the content policy forbids inline code.
"use strict";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  const { theme } = document.documentElement.dataset;
  document.documentElement.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && dark.matches));
};
follow();
dark.addEventListener("change", follow);
window.addEventListener("load", () => {
  const ui = SwaggerUIBundle({
    url: document.querySelector("main").dataset.openapi,
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
  // The token endpoint takes the credentials in the header, as RFC 6749 section 2.3.1 prefers.
  ui.initOAuth({ useBasicAuthenticationWithAccessCodeGrant: true });
});
