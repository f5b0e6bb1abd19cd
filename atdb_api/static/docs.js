// Show the OpenAPI document. Requests in a session carry its CSRF token.
const place = document.getElementById("swagger-ui");
const token = document.querySelector("input[name=csrf_token]");
SwaggerUIBundle({
  ...JSON.parse(place.dataset.config),
  layout: "BaseLayout",
  showMutatedRequest: false, // the example for curl must not have the token
  requestInterceptor: (request) => {
    if (token) request.headers["X-CSRF-Token"] = token.value;
    return request;
  },
});
