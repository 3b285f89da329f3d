# Completes the page: wide tables scroll by themselves, and links to files outside the page lead to the repository.
Asciidoctor::Extensions.register do
  postprocessor do
    process do |document, page|
      folder = "#{document.attr 'repository'}/blob/#{document.attr 'branch'}"
      page
        .gsub(/(href=")\.\.\/([^"]+")/) { "#{$1}#{folder}/#{$2}" }
        .gsub(/(href=")([\w-]+\.md["#])/) { "#{$1}#{folder}/docs/#{$2}" }
        .gsub(/<table class="tableblock/, '<div class="scroll"><table class="tableblock')
        .gsub('</table>', '</table></div>')
    end
  end
end
