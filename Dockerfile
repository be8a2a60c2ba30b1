# docker build -t identify . && docker run --rm -v "$PWD:/work" -w /work identify list-plugins
FROM python:3.12-slim
WORKDIR /identify
COPY . .
RUN pip install --no-cache-dir -c constraints.txt .
ENTRYPOINT ["identify"]
