// Show the OpenAPI document. A session's changes carry its CSRF token.
const place = document.getElementById("swagger-ui");
const token = document.querySelector("input[name=csrf_token]");
SwaggerUIBundle({
  ...JSON.parse(place.dataset.config),
  layout: "BaseLayout",
  showMutatedRequest: false, // the example for curl is for others too
  requestInterceptor: (request) => {
    if (token) request.headers["X-CSRF-Token"] = token.value;
    return request;
  },
});
